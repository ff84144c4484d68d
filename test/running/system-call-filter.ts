import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { hasProgram } from './installation';

const RUNNER = path.join(__dirname, 'system-calls.py');
const HEADER = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
/** Allowed by systemd whatever the list says (systemd.exec(5), SystemCallFilter=). */
const ALWAYS = ['execve', 'exit', 'exit_group', 'getrlimit', 'rt_sigreturn', 'sigreturn'];

/** False where the names of systemd's sets, or their numbers, are not to be had. */
export const filtersSystemCalls = existsSync(HEADER) && ['systemd-analyze', 'python3'].every((name) => hasProgram(name));

/** The beginning of a command line that allows what these SystemCallFilter= lines allow; empty where that cannot be done here. */
export function underFilter(lines: readonly string[]): readonly string[] {
  if (!filtersSystemCalls) return [];
  const allowed = new Set(['@default', ...ALWAYS].flatMap(membersOf));
  for (const line of lines) {
    const denies = line.startsWith('~');
    for (const name of line.replace('~', '').split(' ').flatMap(membersOf)) {
      if (denies) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return ['/usr/bin/python3', RUNNER, [...allowed].join(',')];
}

/** System calls of a set, with those of the sets in it. */
function membersOf(name: string): string[] {
  if (!name.startsWith('@')) return [name];
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', '--no-pager', name], { encoding: 'utf8' });
  const members = stdout.split('\n').flatMap((line) => /^ {4}(@?\w[\w-]*|@[\w-]+)$/.exec(line)?.[1] ?? []);
  return members.flatMap(membersOf);
}
