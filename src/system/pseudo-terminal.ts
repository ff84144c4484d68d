import { constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { checked } from './libc';

/** A terminal of its own for an agent: its launcher holds one end, the agent the other. */

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCSCTTY = 0x540e;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TERMIOS_BYTES = 64;
const INPUT_AT = 0;
const OUTPUT_AT = 4;
const CONTROL_AT = 8;
const LOCAL_AT = 12;
/** Unix98 pseudo-terminals, devices.txt of the kernel. */
const FIRST_MAJOR = 136;
const LAST_MAJOR = 143;

/** The launcher's end of a new terminal, which begins with size and modes of an existing one. Throws KernelError. */
export function newTerminal(like: number): number {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  checked('ioctl', master, TIOCSPTLCK, Buffer.alloc(4));
  const modes = Buffer.alloc(TERMIOS_BYTES);
  checked('ioctl', like, TCGETS, modes);
  checked('ioctl', master, TCSETS, modes);
  copySize(like, master);
  return master;
}

/** Gives a terminal the size of another one; its foreground group is told where that is a change. Throws KernelError. */
export function copySize(from: number, to: number): void {
  const size = Buffer.alloc(8);
  checked('ioctl', from, TIOCGWINSZ, size);
  checked('ioctl', to, TIOCSWINSZ, size);
}

/** As cfmakeraw(3): nothing that is typed is interpreted on this side. The returned function puts the modes back. Throws KernelError. */
export function rawMode(fd: number): () => void {
  const before = Buffer.alloc(TERMIOS_BYTES);
  checked('ioctl', fd, TCGETS, before);
  const raw = Buffer.from(before);
  const clear = (at: number, bits: number) => raw.writeUInt32LE((raw.readUInt32LE(at) & ~bits) >>> 0, at);
  clear(INPUT_AT, 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000);
  clear(OUTPUT_AT, 0o1);
  clear(CONTROL_AT, 0o400);
  clear(LOCAL_AT, 0o1 | 0o2 | 0o10 | 0o100 | 0o100000);
  checked('ioctl', fd, TCSETS, raw);
  return () => void checked('ioctl', fd, TCSETS, before);
}

/**
 * The agent's end of the terminal behind `master`, which from now on belongs to `uid`. Opened by that descriptor and not by a name. Throws KernelError where
 * it is no such end, and Error where the other end is not `owner`'s: nobody hands us a terminal of somebody else to be given away.
 */
export function agentEnd(master: number, owner: number, uid: number): number {
  const fd = checked('ioctlValue', master, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY);
  const { rdev, uid: now } = fstatSync(fd);
  const major = (rdev >> 8) & 0xfff;
  if (major < FIRST_MAJOR || major > LAST_MAJOR || now !== owner) throw new Error('not a terminal of its own');
  fchownSync(fd, uid, fstatSync(fd).gid);
  return fd;
}

/** Makes the terminal behind a descriptor that of the calling session, which has none. Throws KernelError. */
export const takeTerminal = (fd: number): void => void checked('ioctlValue', fd, TIOCSCTTY, 0);

/** Puts a process group of the session in front of its terminal. Throws KernelError. */
export const bringToFront = (fd: number, group: number): void => void checked('tcsetpgrp', fd, group);

/** The calling process leads a group of its own from now on. Throws KernelError. */
export const leadGroup = (): void => void checked('setpgid', 0, 0);
