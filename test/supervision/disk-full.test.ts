import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { DEADLINE_MS, Load, NODE_AGENT, SHORT_LIVED } from '../faults/load';
import { join } from '../faults/join';
import { allAsked, allReceived } from '../faults/oracle';
import { newHome } from '../running/installation';
import { asRoot, Running } from './running';
import { until } from './until';

jest.setTimeout(240_000);

if (!asRoot) process.stdout.write('disk-full.test.ts: mounting a small tmpfs needs root, so a full disk is tried as root only\n');

(asRoot ? test : test.skip)('on a full disk requests fail with a status, nothing is lost, and space is enough to go on', async () => {
  const home = newHome();
  const disk = path.join(home, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=711', 'tmpfs', disk]);
  // The load's own files stay off the disk that is filled: Load puts them beside the state folder.
  const running = new Running(path.join(disk, 'm/s'));
  try {
    mkdirSync(path.join(disk, 'm'), { mode: 0o711 });
    await running.up();
    await running.apply(SHORT_LIVED);
    const load = await Load.start(running, { agents: 3, jwtEveryMs: 20, program: NODE_AGENT }, path.join(home, 'load'));
    const { pid } = running;
    fill(path.join(disk, 'ballast'));
    await until('failures', () => allAsked(load.folder).filter(({ code }) => code !== 0).length >= 5, 120_000);
    // PostgreSQL cannot even start on a full disk: that alone must not end what runs.
    const { database } = running.partsNow();
    process.kill(database.pid, 'SIGKILL');
    await until('a start that failed', () => running.stderr.includes('✗ database'));
    rmSync(path.join(disk, 'ballast'));
    await load.progress({ x509: 2, jwt: 2 }, 60_000);
    await load.stop();
    expect(running.pid).toBe(pid);
    const failed = allAsked(load.folder).filter(({ code }) => code !== 0);
    expect(failed.filter(({ code }) => ![4, 14].includes(code))).toEqual([]);
    expect(Math.max(...failed.map(({ fromMs, toMs }) => toMs - fromMs))).toBeLessThan(DEADLINE_MS);
    const reader = await running.reader();
    expect((await join(allReceived(load.folder), reader)).differences).toEqual([]);
    await reader.end();
  } finally {
    await running.end();
    execFileSync('umount', ['-l', disk]);
    rmSync(home, { recursive: true, force: true });
  }
});

/** Writes until nothing more fits, the last page included. */
function fill(file: string): void {
  const fd = openSync(file, 'w');
  for (let size = 1024 * 1024; size >= 4096; size /= 2) {
    try {
      for (;;) if (writeSync(fd, Buffer.alloc(size)) < size) break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(fd);
}
