import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeTerminal, onTerminal } from '../e2e/terminal';
import { Running } from './running';
import { until } from './until';

jest.setTimeout(180_000);

const FIRST = 'the first passphrase of this test';
const SECOND = 'the second passphrase of this test';

let running: Running;
let file: string;
beforeAll(async () => {
  running = await Running.start();
  file = path.join(path.dirname(running.state), 'passphrase');
});
afterAll(() => running?.end());

const give = (passphrase: string, mode = 0o600): void => {
  rmSync(file, { force: true });
  writeFileSync(file, `${passphrase}\n`);
  chmodSync(file, mode);
};
const keyFiles = (): string[] => readdirSync(path.join(running.state, 'server/keys'));
const home = async (): Promise<string> => (await running.json<{ keys: string }>(['status'])).keys;

/** A start that is refused: its failure, and how often the server was tried. */
async function refused(args: readonly string[]): Promise<{ code: string; starts: number }> {
  const log = path.join(running.state, 'log/server.log');
  const before = readFileSync(log, 'utf8').length;
  running.spawnUp(['-o', 'json', ...args]);
  const { stdout, stderr } = await running.exited;
  if (stdout === '') throw new Error(stderr);
  expect(running.left()).toEqual([]);
  const said = readFileSync(log, 'utf8').slice(before);
  return { code: (JSON.parse(stdout) as { error: { code: string } }).error.code, starts: said.split('"cannot go on"').length - 1 };
}

/** Where a passphrase must never be: what anybody can see of the processes, logs, and the state folder. */
function expectNowhere(passphrase: string): void {
  const forms = [passphrase, Buffer.from(passphrase).toString('base64'), Buffer.from(passphrase).toString('hex')];
  const seen = [
    ...running.note().flatMap(({ pid }) => ['environ', 'cmdline'].map((name) => `/proc/${pid}/${name}`)),
    ...['log', 'server/keys'].flatMap((folder) =>
      readdirSync(path.join(running.state, folder)).map((name) => path.join(running.state, folder, name)),
    ),
  ];
  for (const at of seen) {
    let text: string;
    try {
      text = readFileSync(at, 'latin1');
    } catch {
      continue; // a process that ended, or one that even its own user may not read
    }
    for (const form of forms) expect([at, text.includes(form)]).toEqual([at, false]);
  }
}

test('a running installation puts its keys under a passphrase, and a server that dies afterwards is started with it', async () => {
  expect(await home()).toBe('plain');
  give(FIRST);
  expect(await running.json(['ca', 'seal', '--passphrase-file', file])).toEqual({ home: 'sealed', keys: 2, left: 0 });
  expect(keyFiles().filter((name) => !name.endsWith('.sealed'))).toEqual(['seal.json']);
  rmSync(file);
  const { server } = running.partsNow();
  process.kill(server.pid, 'SIGKILL');
  await running.successor('server', server);
  await running.ready();
  expect(await home()).toBe('sealed');
  expectNowhere(FIRST);
  const reader = await running.reader();
  try {
    const { rows } = await reader.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind = 'keys-sealed'`);
    expect(rows.map(({ record }) => JSON.parse(record.toString()).data)).toMatchObject([{ by: 'passphrase' }]);
  } finally {
    await reader.end();
  }
  await running.signal('SIGTERM');
});

test('without the passphrase, with a wrong one, or with one that others can read, nothing starts, and at once', async () => {
  expect(await refused([])).toEqual({ code: 'E_KEY_SEALED', starts: 0 });
  give(SECOND);
  expect(await refused(['--passphrase-file', file])).toEqual({ code: 'E_KEY_PASSPHRASE', starts: 1 });
  give(FIRST, 0o644);
  expect(await refused(['--passphrase-file', file])).toEqual({ code: 'E_PASSPHRASE', starts: 0 });
});

test('with it up says where the keys rest; a new passphrase replaces the old one, also for what restarts the server', async () => {
  give(FIRST);
  await running.up([], { MANDATE_PASSPHRASE_FILE: file });
  expect(running.stderr).toContain('keys under a passphrase');
  expect(await running.cli(['ca', 'seal', '--passphrase-file', file])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('E_KEY_SEAL)'),
  });
  give(SECOND);
  expect(await running.json(['ca', 'reseal', '--passphrase-file', file])).toMatchObject({ home: 'sealed', left: 0 });
  const { server } = running.partsNow();
  process.kill(server.pid, 'SIGKILL');
  await running.successor('server', server);
  await running.ready();
  for (const passphrase of [FIRST, SECOND]) expectNowhere(passphrase);
  await running.signal('SIGTERM');
  give(FIRST);
  expect(await refused(['--passphrase-file', file])).toEqual({ code: 'E_KEY_PASSPHRASE', starts: 1 });
});

describeTerminal('at a terminal', () => {
  test('up -d asks, shows nothing of what is typed, and hands it to the process in the background', async () => {
    const typing = running.spawn(...onTerminal(`${running.program} up -d; echo "ended $?"`));
    let shown = '';
    typing.stdout!.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await until('the question', () => shown.includes('Passphrase of the authority keys: '));
    // A mistake, taken back.
    typing.stdin!.write(`${SECOND}x\u007f\r`);
    await until('its end', () => /ended \d+/.test(shown), 60_000);
    typing.stdin!.end();
    expect(shown).toContain('ended 0');
    expect(shown).toContain('keys under a passphrase');
    expect(shown).not.toContain(SECOND.slice(0, 6));
    expectNowhere(SECOND);
    expect((await running.cli(['down'])).code).toBe(0);
  });
});
