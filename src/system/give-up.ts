import { readFileSync } from 'node:fs';
import { checked, errno, lastErrno, libc } from './libc';

/** Giving up what root can do, for good. */

const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;
const MAX_CAPABILITIES = 64;

const SYS_KEYCTL = process.arch === 'arm64' ? 219 : 250;
const KEYCTL_JOIN_SESSION_KEYRING = 1;

/**
 * Becomes a user with a group of the same number and nothing else: no supplementary group, no capability in any set, none to be had by an
 * exec, and none of the keys that root's session keyring holds. Throws KernelError, or Error where the kernel shows that something was left.
 */
export function becomeUser(uid: number): void {
  for (let capability = 0; capability < MAX_CAPABILITIES; capability++) {
    if (libc('prctl')(PR_CAPBSET_DROP, capability, 0, 0, 0) === 0) continue;
    if (lastErrno() !== errno.EINVAL || capability === 0) checked('prctl', PR_CAPBSET_DROP, capability, 0, 0, 0);
    break; // the kernel knows no more of them
  }
  process.setgroups!([]);
  process.setgid!(uid);
  process.setuid!(uid);
  checked('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  checked('capset', header, Buffer.alloc(24));
  checked('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (libc('keyctl')(SYS_KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, null) < 0 && lastErrno() !== errno.ENOSYS) throw new Error('session keyring');
  const left = leftovers(readFileSync('/proc/thread-self/status', 'latin1'), uid);
  if (left !== undefined) throw new Error(`left after giving up: ${left}`);
}

/** What a /proc/PID/status text still shows beside this user; undefined where there is nothing. */
export function leftovers(status: string, uid: number): string | undefined {
  const four = [uid, uid, uid, uid].join('\t');
  const wanted: readonly (readonly [string, RegExp])[] = [
    ['Uid', new RegExp(`^${four}$`)],
    ['Gid', new RegExp(`^${four}$`)],
    ['Groups', /^$/],
    ['CapInh', /^0+$/],
    ['CapPrm', /^0+$/],
    ['CapEff', /^0+$/],
    ['CapBnd', /^0+$/],
    ['CapAmb', /^0+$/],
    ['NoNewPrivs', /^1$/],
  ];
  const lines = new Map(status.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  return wanted.find(([name, form]) => !form.test(lines.get(name) ?? '?'))?.[0];
}
