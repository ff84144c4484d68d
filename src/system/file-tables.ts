import { readdirSync } from 'node:fs';
import { libc } from './libc';

const SYS_KCMP = process.arch === 'arm64' ? 272 : 312;
const KCMP_FILES = 2;

/**
 * Folders below /proc that show every descriptor of a process: its own, and those of threads that keep a table of their own (unshare(2),
 * CLONE_FILES), which /proc/PID/fd does not show. Where the kernel does not tell tables apart every thread counts. Throws as readdir(3).
 */
export function descriptorFolders(pid: number): readonly string[] {
  const folders = [`/proc/${pid}/fd`];
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    const thread = Number(name);
    if (thread !== pid && libc('kcmp')(SYS_KCMP, pid, thread, KCMP_FILES, 0, 0) !== 0) folders.push(`/proc/${pid}/task/${thread}/fd`);
  }
  return folders;
}
