import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { MandateError } from '../domain/errors';
import type { RemoteSignerConfig } from '../domain/key-config';
import { errnoOf } from '../system/errno';
import { readGuarded } from '../system/guarded-file';

const MAX_TOKEN_BYTES = 8 * 1024;
const MAX_PEM_BYTES = 256 * 1024;
/** What may stand in a header behind `Bearer ` (RFC 6750 §2.1), and a newline that ends a text file. */
const TOKEN = /^([A-Za-z0-9._~+/-]+=*)\r?\n?$/;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** What is shown to a signer, and what its certificate is checked by. */
export interface SignerAccess {
  /** The value of the header `authorization`; null where none is configured. */
  readonly authorization: string | null;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Another one where a file of TLS is another: connections were made with what it held. */
  readonly tlsVersion: string;
}

/** Reads the files of the configuration as they are now: a token that was renewed counts from the next request on. Throws E_SIGNER_CREDENTIAL. */
export function readAccess({ tokenFile, ca, certificate, key }: RemoteSignerConfig): SignerAccess {
  const read = (path: string | null, secret: boolean, mostBytes: number) =>
    path === null ? undefined : readGuarded(path, { code: 'E_SIGNER_CREDENTIAL', secret, mostBytes });
  const token = read(tokenFile, true, MAX_TOKEN_BYTES);
  const [roots, chain, secret] = [read(ca, false, MAX_PEM_BYTES), read(certificate, false, MAX_PEM_BYTES), read(key, true, MAX_PEM_BYTES)];
  return {
    authorization: token === undefined ? null : `Bearer ${tokenIn(token.text, tokenFile)}`,
    tls: { ...(roots && { ca: roots.text }), ...(chain && { cert: chain.text }), ...(secret && { key: secret.text }) },
    tlsVersion: [roots, chain, secret].map((file) => file?.version ?? '').join(' '),
  };
}

function tokenIn(text: string, path: string | null): string {
  const token = TOKEN.exec(text)?.[1];
  if (token === undefined) throw new MandateError('E_SIGNER_CREDENTIAL', { saw: path ?? '', why: 'it holds no bearer token' });
  return token;
}

/**
 * Throws E_SIGNER_CREDENTIAL where others could put a socket of theirs in the place of the signer's: they would be shown the token. A sticky folder keeps what is in it
 * from them, but while the signer and its folder are away anyone may make them there.
 */
export function assertSocketPlace(path: string): void {
  const refuse = (folder: string, why: string) => new MandateError('E_SIGNER_CREDENTIAL', { saw: folder, why });
  let isThere = false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const { mode } = statSync(folder);
      const keeps = isThere && (mode & STICKY) !== 0;
      if ((mode & WRITABLE_BY_OTHERS) !== 0 && !keeps) throw refuse(folder, 'others than its owner can put a socket of theirs there');
      isThere = true;
    } catch (cause) {
      if (cause instanceof MandateError) throw cause;
      // The signer may make its folder when it starts.
      if (errnoOf(cause) !== 'ENOENT') throw refuse(folder, `it cannot be looked at (${errnoOf(cause)})`);
    }
    if (folder === '/') return;
  }
}
