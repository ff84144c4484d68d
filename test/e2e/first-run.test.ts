import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { finished, newHome, ROOT } from '../running/installation';
import { boundSockets } from '../supervision/proc';
import { until } from '../supervision/until';

jest.setTimeout(120_000);

const home = newHome();
const state = path.join(home, 's');
const env = { PATH: process.env['PATH'] ?? '', HOME: home, MANDATE_STATE: state };
const started: ChildProcess[] = [];
const firstRun = () => {
  const child = spawn(path.join(ROOT, 'tools/first-run.sh'), { env, cwd: home, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  return child;
};
afterAll(() => {
  for (const { pid, exitCode, signalCode } of started) if (exitCode === null && signalCode === null) process.kill(-pid!, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

test('what make run does: an SVID, its trace, and what to type next; a second one is refused; Ctrl-C ends everything', async () => {
  const first = firstRun();
  const whole = finished(first);
  let said = '';
  first.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('its last line', () => {
    if (first.exitCode !== null) throw new Error(`it ended: ${said}`);
    return said.includes('Ctrl-C ends mandate.');
  });
  const serial = /^I am spiffe:\/\/\S+, serial ([0-9a-f]{32}), until/m.exec(said)?.[1];
  expect(said).toContain(`$ mandate trace ${serial}\nX509-SVID ${serial}   valid`);
  expect(said).toMatch(/^Ready in /m);

  expect(await finished(firstRun())).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('E_STATE_IN_USE') });

  process.kill(-first.pid!, 'SIGINT');
  expect(await whole).toMatchObject({ code: 0, stderr: expect.stringMatching(/mandate has ended\n$/) });
  expect(boundSockets(state)).toEqual([]);
});
