import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ErrorCode, MandateError } from '../domain/errors';
import { errnoOf } from './errno';

const OTHERS = 0o007;
const GROUP_WRITE = 0o020;
const GROUP_READ = 0o040;

/** What is asked of a file that an administrator names. */
export interface Guarded {
  /** What a file that cannot be used is refused with. */
  readonly code: ErrorCode;
  /** What it holds is for us alone, or for root and our group. */
  readonly secret: boolean;
  readonly mostBytes: number;
}

export interface GuardedText {
  /** Latin-1. */
  readonly text: string;
  /** Differs from that of every other content of the file. */
  readonly version: string;
}

interface Seen {
  readonly uid: bigint;
  readonly gid: bigint;
  readonly mode: bigint;
}

/**
 * Reads a file that decides who we are, or whom we believe, as it is now: it is ours or root's, others may not write to it, nor read it where it is secret.
 * Links are followed, since tools that renew such files make them. Throws the code that is named.
 */
export function readGuarded(path: string, { code, secret, mostBytes }: Guarded): GuardedText {
  const refuse = (why: string, cause?: unknown) => new MandateError(code, { saw: path, why }, { cause });
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
    if (stat.size > mostBytes) throw refuse(`it has ${stat.size} bytes`);
    if (![0n, BigInt(process.geteuid?.() ?? -1)].includes(stat.uid)) throw refuse(`it belongs to uid ${stat.uid}`);
    if ((Number(stat.mode) & 0o022) !== 0) throw refuse('others can change it');
    const why = secret ? secretFault(stat) : undefined;
    if (why !== undefined) throw refuse(why);
    return { text: readFileSync(fd, 'latin1'), version: [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':') };
  } finally {
    closeSync(fd);
  }
}

function secretFault({ uid, gid, mode }: Seen): string | undefined {
  const bits = Number(mode);
  if ((bits & (OTHERS | GROUP_WRITE)) !== 0)
    return 'others can read it: chmod 600, or 640 for a file of root’s and the group of the server';
  if ((bits & GROUP_READ) === 0) return undefined;
  return uid === 0n && gid === BigInt(process.getegid?.() ?? -1) ? undefined : 'its group can read it';
}
