import { MandateError } from '../domain/errors';
import type { KeyName } from './key-home';

/** The id of an RS256 key has 43 characters, as every thumbprint: so no `jwt` key whose own id begins with `rs256-` is taken for one. */
const FORM = /^(jwt-rs256(?=-[A-Za-z0-9_-]{43}\.)|x509|jwt)-([A-Za-z0-9_-]{16,64})(?:\.pem|\.([0-9a-f]{32})\.sealed)$/;

/** What the name of a key file says; `seal` is null for a plain one. */
export interface KeyFileName {
  readonly file: string;
  readonly name: KeyName;
  readonly seal: string | null;
}

/** The file of a key: `x509-<key id>.pem`, or `x509-<key id>.<seal id>.sealed`. */
export function keyFileName(name: KeyName, seal: string | null): string {
  const file = `${name.kind}-${name.keyId}${seal === null ? '.pem' : `.${seal}.sealed`}`;
  if (formsOf(name, [file])[0]?.seal !== seal) throw new MandateError('E_INTERNAL', { saw: 'a key id that is no file name' });
  return file;
}

/** The key files among these names. */
export const keyFilesAmong = (files: readonly string[]): readonly KeyFileName[] =>
  files.flatMap((file) => {
    const [, kind, keyId, seal] = FORM.exec(file) ?? [];
    return keyId === undefined ? [] : [{ file, name: { kind: kind as KeyName['kind'], keyId }, seal: seal ?? null }];
  });

/** The files of one key, in whatever form it rests. */
export const formsOf = ({ kind, keyId }: KeyName, files: readonly string[]): readonly KeyFileName[] =>
  keyFilesAmong(files).filter(({ name }) => name.kind === kind && name.keyId === keyId);
