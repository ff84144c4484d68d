import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../../domain/errors';
import type { ManifestStatement } from '../../domain/manifest';
import { type Envelope, envelopeText, preAuthEncoding } from '../../verify/dsse';
import { verifyManifest } from '../../verify/manifest';
import { manifestKeyId } from '../../verify/manifest-key';
import { statementPayload, STATEMENT_PAYLOAD_TYPE } from '../../verify/manifest-statement';
import { readSshsig, readSshsigArmour } from '../../verify/sshsig';
import { listOption, textOption } from '../arguments';
import { draftStatement } from '../manifest-draft';
import { claimed, readKeyText, readManifestKeys, readManifestText } from '../manifest-files';
import { safe } from '../safe';
import { readSigningKey, type SigningKey } from '../signing-key';
import type { Command, CommandContext, Options } from '../specs/spec';

/** What adds the one signature that a call of this command makes. */
type Signer = (message: Buffer) => { readonly keyId: string; readonly sig: Buffer } | undefined;

/**
 * `mandate manifest sign`: prints an envelope with one signature more. Works without a service and tells nobody. A key that this program
 * cannot read signs by ssh-keygen in between: `--to-sign` writes what it is to sign, `--signature` takes what it has signed.
 */
export const manifestSign: Command = ({ deps, out }, operands, options) => {
  const { sign, key } = signerOf(deps, options);
  const [given] = operands;
  const before = given === undefined ? drafted(deps, options, key) : addedTo(deps, given, options);
  const signature = sign(preAuthEncoding(before.payloadType, before.payload));
  const others = before.signatures.filter(({ keyId }) => keyId !== signature?.keyId);
  const text = envelopeText({ ...before, signatures: signature ? [...others, signature] : others });
  const { statement } = claimed(text);
  out.raw(text);
  out.note(() => `${signedText(statement)}, ${signature ? `signed by ${signature.keyId}` : 'not signed yet'}\n`);
  return Promise.resolve();
};

const signedText = ({ name, version, kind, entries }: ManifestStatement): string =>
  `manifest ${safe(name)} v${version}: ${counted(entries.length, kind === 'releases' ? 'release' : 'governed file')}`;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function signerOf({ cwd }: CommandContext['deps'], options: Options): { readonly sign: Signer; readonly key?: SigningKey } {
  const [keyFile, toSign, signature] = ['key', 'toSign', 'signature'].map((name) => textOption(options, name));
  if ([keyFile, toSign, signature].filter((one) => one !== undefined).length !== 1)
    throw new MandateError('E_USAGE', { saw: 'not exactly one way to sign', fix: 'give --key, or --to-sign and later --signature' });
  if (keyFile !== undefined) {
    const key = readSigningKey(readKeyText(cwd, keyFile));
    return { key, sign: (message) => ({ keyId: manifestKeyId(key.publicKey), sig: key.sign(message) }) };
  }
  if (signature !== undefined) return { sign: () => sshSignature(readKeyText(cwd, signature)) };
  return {
    sign: (message) => {
      writeTo(cwd, toSign ?? '', message);
      return undefined;
    },
  };
}

function writeTo(cwd: string, file: string, bytes: Buffer): void {
  try {
    writeFileSync(path.resolve(cwd, file), bytes);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'cannot be written';
    throw new MandateError(
      'E_USAGE',
      { saw: `--to-sign ${file.slice(0, 200)}: ${why}`, fix: 'name a file that can be written' },
      { cause },
    );
  }
}

function sshSignature(text: string) {
  try {
    const sig = readSshsigArmour(text);
    return { sig, keyId: manifestKeyId({ form: 'ssh-ed25519', bytes: readSshsig(sig).publicKey }) };
  } catch (cause) {
    throw new MandateError(
      'E_MANIFEST_INVALID',
      { saw: 'the signature', why: 'it is not one that ssh-keygen -Y sign -n mandate-manifest made with an ssh-ed25519 key' },
      { cause },
    );
  }
}

/** A new statement; what `--from` names must be signed by a key that counts here, or a changed file would be signed anew unseen. */
function drafted({ cwd, env, clock }: CommandContext['deps'], options: Options, key: SigningKey | undefined): Envelope {
  const from = textOption(options, 'from');
  if (textOption(options, 'signature') !== undefined)
    throw new MandateError('E_USAGE', { saw: '--signature without a manifest', fix: 'name the file that --to-sign went with' });
  const trusted = [...(key ? [key.publicKey] : []), ...readManifestKeys(cwd, listOption(options, 'trusted'))];
  const statement = from === undefined ? undefined : verifyManifest(readManifestText(cwd, from), trusted).statement;
  return {
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload: statementPayload(draftStatement({ cwd, env, nowMs: clock.nowMs() }, options, statement)),
    signatures: [],
  };
}

const DRAFTING = ['name', 'release', 'agent', 'file', 'from', 'drop', 'expires', 'handOver', 'number', 'trusted'] as const;

/** An envelope as it is, for one signature more. */
function addedTo({ cwd }: CommandContext['deps'], given: string, options: Options): Envelope {
  const beside = DRAFTING.find((name) => options[name] !== undefined);
  if (beside !== undefined)
    throw new MandateError('E_USAGE', { saw: `--${beside} beside a manifest`, fix: 'what is signed already stays as it is' });
  return claimed(readManifestText(cwd, given)).envelope;
}
