import { readdirSync, readFileSync } from 'node:fs';
import { DEADLINE_MS, Load, NODE_AGENT, SHORT_LIVED } from '../faults/load';
import { join } from '../faults/join';
import { allAsked, allReceived } from '../faults/oracle';
import { descendantsOf, lives, type ProcessName } from './proc';
import { type Part, Running } from './running';
import { until } from './until';

jest.setTimeout(180_000);

let running: Running;
beforeAll(async () => {
  running = await Running.start();
  await running.apply(SHORT_LIVED);
});
afterAll(() => running?.end());

test.each<Part>(['server', 'node', 'database'])('a %s that dies after it was ready is started again, the others stay', async (part) => {
  const before = running.partsNow();
  process.kill(before[part].pid, 'SIGKILL');
  const successor = await running.successor(part, before[part]);
  await running.ready();
  expect(running.partsNow()).toEqual({ ...before, [part]: successor });
  const { stdout } = await running.cli(['run', '--', running.program, 'svid', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({ svids: [{ serial: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown }] });
});

test('server and database that die together come back: a server that waits for its database has not failed to start', async () => {
  const before = running.partsNow();
  for (const part of ['database', 'server'] as const) process.kill(before[part].pid, 'SIGKILL');
  for (const part of ['database', 'server'] as const) await running.successor(part, before[part]);
  await running.ready();
  expect(running.partsNow().node).toEqual(before.node);
});

test('six deaths after ready are six new starts: only failed starts are counted, and the fifth ends it', async () => {
  for (let death = 0; death < 6; death++) {
    const node = running.partsNow().node;
    process.kill(node.pid, 'SIGKILL');
    await running.successor('node', node);
    await running.ready();
  }
});

test('a database that hangs: requests fail with UNAVAILABLE or DEADLINE_EXCEEDED, none waits for ever, and all goes on by itself', async () => {
  const load = await Load.start(running, { agents: 3, jwtEveryMs: 100, program: NODE_AGENT });
  const parts = running.partsNow();
  const frozen: ProcessName[] = [parts.database, ...descendantsOf(parts.database.pid)];
  const before = allAsked(load.folder).length;
  for (const { pid } of frozen) process.kill(pid, 'SIGSTOP');
  try {
    await until(
      'failures',
      () =>
        allAsked(load.folder)
          .slice(before)
          .filter(({ code }) => code !== 0).length >= 3,
    );
  } finally {
    for (const one of frozen) if (lives(one)) process.kill(one.pid, 'SIGCONT');
  }
  await load.progress({ x509: 2, jwt: 2 }, 60_000);
  await load.stop();
  const failed = allAsked(load.folder).filter(({ code }) => code !== 0);
  expect(failed.filter(({ code }) => ![4, 14].includes(code))).toEqual([]);
  expect(Math.max(...failed.map(({ fromMs, toMs }) => toMs - fromMs))).toBeLessThan(DEADLINE_MS);
  expect(running.partsNow()).toEqual(parts);
  const reader = await running.reader();
  expect((await join(allReceived(load.folder), reader)).differences).toEqual([]);
  await reader.end();
});

test('after it all nothing of an earlier part is left', async () => {
  const parts = Object.values(running.partsNow()).map(({ pid }) => pid);
  const below = descendantsOf(running.pid).map(({ pid }) => pid);
  const strays = running.left().filter(({ pid }) => pid !== running.pid && !below.includes(pid));
  expect(strays).toEqual([]);
  expect(below).toEqual(expect.arrayContaining(parts));
  const logs = readdirSync(`${running.state}/log`).map((file) => readFileSync(`${running.state}/log/${file}`, 'utf8'));
  expect(logs.join('\n')).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|eyJ[A-Za-z0-9_-]{20,}\./);
});
