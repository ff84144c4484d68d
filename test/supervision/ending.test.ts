import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Load, NODE_AGENT, SHORT_LIVED } from '../faults/load';
import { allReceived } from '../faults/oracle';
import { join } from '../faults/join';
import { boundSockets } from './proc';
import { Running } from './running';
import { until } from './until';

jest.setTimeout(120_000);

let running: Running;
beforeAll(async () => {
  running = await Running.start();
});
afterAll(() => running?.end());

/** What it gives its parts is five seconds; how long these last on a loaded machine is not for a test to decide. */
const LIMIT_MS = 30_000;

/** Ends, and leaves no process and no socket. */
async function expectEnd(end: () => void): Promise<void> {
  running.note();
  const beganMs = Date.now();
  end();
  const { code, stderr } = await running.exited;
  expect(Date.now() - beganMs).toBeLessThan(LIMIT_MS);
  expect({ code, stderr: stderr.includes('error') }).toEqual({ code: 0, stderr: false });
  expect(running.left()).toEqual([]);
  expect(running.sockets()).toEqual([]);
  expect(boundSockets(running.state)).toEqual([]);
}

test('SIGTERM ends everything', () => expectEnd(() => process.kill(running.pid, 'SIGTERM')));

test('Ctrl-C, which reaches the whole foreground group, ends everything under load, and what was received is recorded', async () => {
  await running.up();
  await running.apply(SHORT_LIVED);
  const load = await Load.start(running, { agents: 3, jwtEveryMs: 50, program: NODE_AGENT });
  await until('a request in flight', () => load.inFlight() > 0);
  await expectEnd(() => process.kill(-running.pid, 'SIGINT'));
  await load.stop();
  await running.up();
  const reader = await running.reader();
  const { differences, x509, jwt } = await join(allReceived(load.folder), reader);
  await reader.end();
  expect(differences).toEqual([]);
  expect(Math.min(x509, jwt)).toBeGreaterThan(0);
});

test('a signal during the start ends it as well', async () => {
  await running.signal('SIGTERM');
  running.spawnUp();
  // The file outlives its holder; before this one wrote its pid, a signal meets the shell that starts it.
  await until('its lock', () => readFileSync(path.join(running.state, 'lock'), 'utf8') === `${running.pid}\n`);
  running.note();
  const beganMs = Date.now();
  const { code } = await running.signal('SIGTERM');
  expect(Date.now() - beganMs).toBeLessThan(LIMIT_MS);
  expect(code).toBe(143);
  expect(running.left()).toEqual([]);
  await running.up();
});

test('down ends everything and says so; a second one finds nothing', async () => {
  running.note();
  const down = await running.cli(['down', '-o', 'json']);
  expect({ code: down.code, answer: JSON.parse(down.stdout) as unknown }).toEqual({ code: 0, answer: { stopped: true, wasRunning: true } });
  expect((await running.exited).code).toBe(0);
  expect(running.left()).toEqual([]);
  expect(running.sockets()).toEqual([]);
  expect(JSON.parse((await running.cli(['down', '-o', 'json'])).stdout)).toEqual({ stopped: false, wasRunning: false });
});
