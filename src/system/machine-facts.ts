import { closeSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { MachineFacts } from '../domain/doctor';
import { errno, KernelError, lastErrno, libc } from './libc';
import { connectionsHavePidfds } from './peer-pidfds';
import { pidfdInfo, pidfdOpen } from './pidfd';
import { pidfdsHaveInodes } from './process-key';
import { RootWays } from './root-ways';

const SYS_LANDLOCK_CREATE_RULESET = 444;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const UNSET_UID = 2 ** 32 - 1;

/** What this machine offers and who we are on it. Every look is harmless, needs no privilege, and says what it cannot tell. */
export function machineFacts(): MachineFacts {
  const uid = process.geteuid?.() ?? -1;
  const loginUid = Number(text('/proc/self/loginuid') || UNSET_UID);
  const scope = text('/proc/sys/kernel/yama/ptrace_scope');
  return {
    kernel: release(),
    peerPidfd: connectionsHavePidfds(),
    pidfs: pidfdsHaveInodes(),
    pidfdInfo: hasPidfdInfo(),
    landlock: landlockVersion(),
    cgroup2: / - cgroup2 /.test(text('/proc/self/mountinfo')),
    ptraceScope: /^\d$/.test(scope) ? Number(scope) : null,
    userNamespaces: userNamespaces(),
    uid,
    loginUid: Number.isSafeInteger(loginUid) && loginUid !== UNSET_UID ? loginUid : null,
    clockSynchronised: clockSynchronised(),
    rootWays: new RootWays().of(uid, process.getgroups?.() ?? []),
  };
}

/** By the switch of every kernel, that of Debian and that of Ubuntu, which exempts programs it has a profile for. */
const userNamespaces = (): boolean =>
  text('/proc/sys/user/max_user_namespaces') !== '0' &&
  text('/proc/sys/kernel/unprivileged_userns_clone') !== '0' &&
  text('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') !== '1';

function text(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim();
  } catch {
    return '';
  }
}

function hasPidfdInfo(): boolean {
  const own = pidfdOpen(process.pid);
  try {
    return pidfdInfo(own) !== undefined;
  } finally {
    closeSync(own);
  }
}

function landlockVersion(): number {
  const version = libc('landlockVersion')(SYS_LANDLOCK_CREATE_RULESET, null, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return Math.max(0, version);
}

/** struct timex of adjtimex(2) on 64 bits. With `modes` 0 it only reads. */
const TIMEX_BYTES = 208;
const TIMEX_STATUS = 40;
const STA_UNSYNC = 0x40;

function clockSynchronised(): boolean | null {
  const timex = Buffer.alloc(TIMEX_BYTES);
  if (libc('adjtimex')(timex) < 0) {
    if (lastErrno() === errno.EPERM || lastErrno() === errno.ENOSYS) return null;
    throw new KernelError('adjtimex', lastErrno());
  }
  return (timex.readInt32LE(TIMEX_STATUS) & STA_UNSYNC) === 0;
}
