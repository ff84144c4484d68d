import { PassThrough } from 'node:stream';
import type { World } from './command-line';
import { mandate } from './command-line';
import { FakeService } from './fake-service';
import { AGENT, STOPPED } from './samples';

let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
});
beforeEach(() => {
  service.asked.length = 0;
  service.answers = {
    admin: { stopAgent: (request) => ((request as { carryOut: boolean }).carryOut ? STOPPED : { ...STOPPED, stopped: false, left: 3 }) },
  };
});
afterAll(() => service.stop());

const PLAN = '3 processes of hello-7k2m end now, its last SVID dies by 2026-03-01T10:14:32Z.\n';
const stop = (args: readonly string[], world: World = {}) => mandate(['agents', 'stop', ...args], { socket: service.socket, ...world });
const carriedOut = () => service.asked.filter(({ request }) => (request as { carryOut: boolean }).carryOut);

/** A terminal at which somebody types this. */
function typing(text: string): World {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.end(text);
  return { terminal: true, env: { NO_COLOR: '1' }, deps: { stdin: () => stdin as unknown as NodeJS.ReadStream } };
}

test('-y says what ends, ends it by the id that was named, and answers', async () => {
  expect(await stop(['hello-7k2m', '-y'])).toEqual({
    exit: 0,
    out: 'stopped hello-7k2m: 3 processes, all of its control group\n',
    err: PLAN,
  });
  expect(service.asked.map(({ request }) => request)).toEqual([
    { reference: 'hello-7k2m', carryOut: false },
    { reference: AGENT.id, carryOut: true },
  ]);
});

test('without a terminal nothing is ended unless -y is there', async () => {
  const { exit, out, err } = await stop(['41207']);
  expect([exit, out, carriedOut()]).toEqual([2, '', []]);
  expect(err).toContain('add -y');
});

test.each([
  ['y\n', 0],
  ['YES\n', 0],
  ['n\n', 1],
  ['\n', 1],
  ['', 1],
  ['yesterday\n', 1],
])('a person at the terminal who types %j: exit %i', async (typed, exit) => {
  const said = await stop(['hello-7k2m', '-q'], typing(typed));
  expect([said.exit, carriedOut().length]).toEqual([exit, exit === 0 ? 1 : 0]);
  expect(said.err).toContain('Go on? [y/N] ');
  expect(said.err).toContain('3 processes of hello-7k2m end now');
});

test('what is still there is no success, and what could be missed is said first', async () => {
  const weak = { ...STOPPED, by: 'ancestry', left: 1, lastSvid: null };
  service.answers = { admin: { stopAgent: weak } };
  const { exit, out, err } = await stop(['hello-7k2m', '-y']);
  expect([exit, out]).toEqual([1, 'not stopped: 1 of 3 processes of hello-7k2m are still there\n']);
  expect(err).toBe('3 processes of hello-7k2m end now; it has no control group, so what was handed to init is not reached.\n');
});

test('for scripts: the document', async () => {
  const { out } = await stop(['hello-7k2m', '-y', '-o', 'json']);
  expect(JSON.parse(out)).toEqual(STOPPED);
});
