import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { errnoOf } from './errno';

/** A certificate with its chain takes some KiB. */
const MAX_BYTES = 256 * 1024;
const OTHERS = 0o007;
const GROUP_WRITE = 0o020;
const GROUP_READ = 0o040;

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
 * change one of the files decides who we are, so neither may be written by others. Links are followed, since tools that renew certificates
 * make them. Throws E_WEB_CERTIFICATE.
 */
export function readTlsFiles({ certificate, key }: TlsFilePaths): TlsFiles {
  const chain = readOne(certificate, () => undefined);
  const secret = readOne(key, secretFault);
  return { certificatePem: chain.text, keyPem: secret.text, version: `${chain.version} ${secret.version}` };
}

interface Seen {
  readonly uid: bigint;
  readonly gid: bigint;
  readonly mode: bigint;
}

function readOne(path: string, fault: (stat: Seen) => string | undefined): { readonly text: string; readonly version: string } {
  const refuse = (why: string, cause?: unknown) => new MandateError('E_WEB_CERTIFICATE', { saw: path, why }, { cause });
  let fd: number;
  try {
    // Waits for nothing: a FIFO is opened without blocking and then refused.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw refuse(`it cannot be opened (${errnoOf(cause)})`, cause);
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw refuse('it is no regular file');
    if (stat.size > MAX_BYTES) throw refuse(`it has ${stat.size} bytes`);
    if (![0n, BigInt(process.geteuid?.() ?? -1)].includes(stat.uid)) throw refuse(`it belongs to uid ${stat.uid}`);
    if ((Number(stat.mode) & 0o022) !== 0) throw refuse('others can change it');
    const why = fault(stat);
    if (why !== undefined) throw refuse(why);
    return { text: readFileSync(fd, 'latin1'), version: [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':') };
  } finally {
    closeSync(fd);
  }
}

function secretFault({ uid, gid, mode }: Seen): string | undefined {
  const bits = Number(mode);
  if ((bits & (OTHERS | GROUP_WRITE)) !== 0)
    return 'others can read the key: chmod 600, or 640 for a file of root’s and the group of the server';
  if ((bits & GROUP_READ) === 0) return undefined;
  return uid === 0n && gid === BigInt(process.getegid?.() ?? -1) ? undefined : 'its group can read the key';
}
