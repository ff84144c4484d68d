import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { Command } from '../domain/install';

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
const LIMIT_MS = 120_000;

/** Runs a program of this machine to its end, from fixed folders and with nothing of our environment. Throws E_INSTALL with its last words. */
export function administer([name, ...args]: Command): void {
  const program = FOLDERS.map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
  if (program === undefined) throw new MandateError('E_INSTALL', { saw: `no program ${name} on this machine` });
  const { status, signal, stderr } = spawnSync(program, args, {
    env: { PATH: FOLDERS.join(':'), LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
    maxBuffer: 64 * 1024,
    encoding: 'utf8',
  });
  if (status === 0) return;
  const last = stderr.trim().split('\n').slice(-2).join(' ').slice(-300);
  throw new MandateError('E_INSTALL', { saw: `${[name, ...args].join(' ')}: ${last || (signal ?? `exit status ${status}`)}` });
}
