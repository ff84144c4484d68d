import { MandateError } from '../domain/errors';
import type { ManifestKey, ManifestStatement } from '../domain/manifest';
import { type Envelope, MAX_ENVELOPE_BYTES, readEnvelope } from '../verify/dsse';
import { readManifestKey } from '../verify/manifest-key';
import { readStatement } from '../verify/manifest-statement';
import { readInput } from './input';

const MAX_KEY_BYTES = 16 * 1024;

/** The text of a manifest file. Throws E_NOT_FOUND, E_REQUEST. */
export const readManifestText = (cwd: string, name: string): string => readInput(cwd, name, MAX_ENVELOPE_BYTES).toString('utf8');

/** The text of a key file. Throws E_NOT_FOUND, E_REQUEST. */
export const readKeyText = (cwd: string, name: string): string => readInput(cwd, name, MAX_KEY_BYTES).toString('utf8');

/** Public keys in files, each with the name of its file where it is none. Throws E_MANIFEST_KEY. */
export const readManifestKeys = (cwd: string, names: readonly string[]): readonly ManifestKey[] =>
  names.map((name) => {
    try {
      return readManifestKey(readKeyText(cwd, name));
    } catch (error) {
      if (!(error instanceof MandateError) || error.code !== 'E_MANIFEST_KEY') throw error;
      throw new MandateError('E_MANIFEST_KEY', { saw: name.slice(0, 200), ...error.explanation }, { cause: error });
    }
  });

/** What an envelope says, whoever signed it: to find out which manifest is meant, never to believe it. Throws E_MANIFEST_INVALID. */
export function claimed(text: string): { readonly envelope: Envelope; readonly statement: ManifestStatement } {
  const envelope = readEnvelope(text);
  return { envelope, statement: readStatement(envelope.payload) };
}
