import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { newHome } from '../running/installation';
import { Running } from './running';

jest.setTimeout(180_000);

let running: Running;
beforeAll(async () => {
  running = await Running.start();
  await running.signal('SIGTERM');
});
afterAll(() => running?.end());

/** `up` that is expected to give up: its failure, and the proof that it tried as often as it says. */
async function givenUp(): Promise<{ code: string; exit: number | null; starts: number }> {
  const log = path.join(running.state, 'log/server.log');
  const before = existsSync(log) ? readFileSync(log, 'utf8').length : 0;
  running.spawnUp(['-o', 'json']);
  const { code: exit, stdout, stderr } = await running.exited;
  if (stdout === '') throw new Error(stderr);
  const { error } = JSON.parse(stdout) as { error: { code: string } };
  expect(running.left()).toEqual([]);
  expect(running.sockets()).toEqual([]);
  const said = existsSync(log) ? readFileSync(log, 'utf8').slice(before) : '';
  return { code: error.code, exit, starts: said.split('"cannot go on"').length - 1 };
}

const keyFile = () => {
  const folder = path.join(running.state, 'server/keys');
  return path.join(folder, readdirSync(folder).filter((name) => !name.startsWith('.'))[0]!);
};

test('a damaged key file ends up after five starts, and the repaired one starts', async () => {
  const file = keyFile();
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 7);
  expect(await givenUp()).toEqual({ code: 'E_KEY_FILE', exit: 1, starts: 5 });
  writeFileSync(file, whole);
  await running.up();
  await running.signal('SIGTERM');
});

test('an occupied port ends up after five starts; free again, it is the same port', async () => {
  const { httpsPort } = JSON.parse(readFileSync(path.join(running.state, 'installation.json'), 'utf8')) as { httpsPort: number };
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(httpsPort, '127.0.0.1', resolve));
  const outcome = await givenUp();
  await new Promise((resolve) => occupant.close(resolve));
  expect(outcome).toEqual({ code: 'E_PORT_IN_USE', exit: 1, starts: 5 });
  await running.up();
  expect(await running.json<{ bundleUrl: string }>(['status'])).toMatchObject({
    bundleUrl: expect.stringContaining(`:${httpsPort}/`) as unknown,
  });
  await running.signal('SIGTERM');
});

test('an installation file that others may write is refused, as is one that is no longer what was written', async () => {
  const file = path.join(running.state, 'installation.json');
  chmodSync(file, 0o666);
  expect(await givenUp()).toMatchObject({ code: 'E_STATE_PERMISSIONS', exit: 1 });
  chmodSync(file, 0o644);
  const whole = readFileSync(file);
  appendFileSync(file, '}');
  expect(await givenUp()).toMatchObject({ code: 'E_INTEGRITY', exit: 10 });
  writeFileSync(file, whole);
});

test('TB-13: state and database of two installations are not mixed, so no key serves two trust domains', async () => {
  const file = path.join(running.state, 'installation.json');
  const whole = readFileSync(file, 'utf8');
  const { trustDomain } = JSON.parse(whole) as { trustDomain: string };
  writeFileSync(file, whole.replace(trustDomain, `x${trustDomain.slice(1)}`));
  const outcome = await givenUp();
  writeFileSync(file, whole);
  expect(outcome).toMatchObject({ code: 'E_STATE_MISMATCH', exit: 1 });
});

test('a state folder whose socket paths would pass 100 bytes is refused before anything is made', async () => {
  const home = newHome();
  try {
    const long = new Running(path.join(home, 'd'.repeat(100 - home.length)));
    long.spawnUp(['-o', 'json']);
    const { code, stdout } = await long.exited;
    expect({ code, error: (JSON.parse(stdout) as { error: { code: string } }).error.code }).toEqual({ code: 1, error: 'E_SOCKET_PATH' });
    expect(readdirSync(home)).toEqual(['mandate.yaml']);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
