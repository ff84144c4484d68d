import { readGuarded } from './guarded-file';

/** A certificate with its chain takes some KiB. */
const MAX_BYTES = 256 * 1024;

export interface TlsFilePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface TlsFiles {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Differs from that of every other content of the two files. */
  readonly version: string;
}

/**
 * Reads a certificate and its key as they are now. The key file may be read by us alone, or is root's and our group reads it; whoever can
 * change one of the files decides who we are, so neither may be written by others. Throws E_WEB_CERTIFICATE.
 */
export function readTlsFiles({ certificate, key }: TlsFilePaths): TlsFiles {
  const guarded = { code: 'E_WEB_CERTIFICATE', mostBytes: MAX_BYTES } as const;
  const chain = readGuarded(certificate, { ...guarded, secret: false });
  const secret = readGuarded(key, { ...guarded, secret: true });
  return { certificatePem: chain.text, keyPem: secret.text, version: `${chain.version} ${secret.version}` };
}
