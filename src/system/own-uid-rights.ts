import { readFileSync } from 'node:fs';
import { reachingCapabilities } from '../domain/privilege';
import { statusField } from '../domain/proc-text';

/** What it takes to start a process under another uid, in mounts made for it, with nothing left of root's rights. */
const NEEDED = ['CAP_SETGID', 'CAP_SETPCAP', 'CAP_SETUID', 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'];

/** Why this process cannot start agents under uids of their own, from a /proc/PID/status text; empty where it can. */
export function whyNoOwnUids(uid: number, status = readFileSync('/proc/self/status', 'latin1')): string {
  if (uid !== 0) return 'the node does not run as root';
  const held = reachingCapabilities(statusField(status, 'CapEff')) ?? [];
  const missing = NEEDED.filter((name) => !held.includes(name));
  return missing.length === 0 ? '' : `the node runs without ${missing.join(', ')}`;
}
