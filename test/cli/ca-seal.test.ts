import { chmodSync, linkSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { askHidden } from '../../src/cli/hidden-prompt';
import { mandate, type Said } from './command-line';
import { FakeService } from './fake-service';
import { schemaOf } from './schema';

const PASSPHRASE = 'a long enough passphrase';

let service: FakeService;
let folder: string;
let file: string;
beforeAll(async () => {
  service = await FakeService.start();
});
afterAll(() => service.stop());
beforeEach(() => {
  service.asked.length = 0;
  service.answers = { admin: { sealKeys: { home: 'sealed', keys: 2, left: 0 } } };
  folder = mkdtempSync(path.join(tmpdir(), 'mandate-seal-'));
  file = path.join(folder, 'passphrase');
  writeFileSync(file, `${PASSPHRASE}\n`, { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const ask = (argv: readonly string[], env: Record<string, string> = {}): Promise<Said> => mandate(argv, { socket: service.socket, env });
const sent = (): unknown[] => service.asked.map(({ request }) => request);
const secret = Buffer.from(PASSPHRASE).toString('base64');

test.each<[string, readonly string[], (at: string) => Record<string, string>]>([
  ['a flag', ['--passphrase-file'], () => ({})],
  ['the environment', [], (at) => ({ MANDATE_PASSPHRASE_FILE: at })],
])('the passphrase of a file that %s names is sent without its newline', async (_what, flags, env) => {
  const { exit, out, err } = await ask(['ca', 'seal', ...flags.flatMap((flag) => [flag, file])], env(file));
  expect([exit, out]).toEqual([0, 'sealed  2 keys under a passphrase\n']);
  expect(err).toContain('Without this passphrase');
  expect(sent()).toEqual([{ secret, again: false }]);
});

test('a descriptor is read to its end', async () => {
  const fd = openSync(file, 'r');
  await ask(['ca', 'reseal', '--passphrase-fd', String(fd)], { MANDATE_PASSPHRASE_FILE: '/nonexistent' });
  expect(sent()).toEqual([{ secret, again: true }]);
});

test('a credential is asked for without a secret', async () => {
  service.answers = { admin: { sealKeys: { home: 'credential', keys: 1, left: 0 } } };
  const { out, err } = await ask(['ca', 'seal', '--credential']);
  expect([out, err]).toEqual(['sealed  1 key under a credential of systemd\n', '']);
  expect(sent()).toEqual([{ secret: null, again: false }]);
});

test('files of before that are left are a failure that says so', async () => {
  const answer = { home: 'sealed', keys: 2, left: 1 };
  service.answers = { admin: { sealKeys: answer } };
  const { exit, out } = await ask(['ca', 'seal', '--passphrase-file', file, '-o', 'json']);
  expect([exit, JSON.parse(out)]).toEqual([1, answer]);
  expect(schemaOf('ca-seal')(answer)).toBe(true);
});

test('nobody at a terminal and nothing named: nothing is asked of the service', async () => {
  const { exit, err } = await ask(['ca', 'seal']);
  expect([exit, sent()]).toEqual([2, []]);
  expect(err).toContain('--passphrase-file, --passphrase-fd or --credential');
});

describe('a file that is refused', () => {
  test.each<[string, () => void, string]>([
    ['one that others can read', () => chmodSync(file, 0o640), 'chmod 600'],
    ['one that others can write', () => chmodSync(file, 0o602), 'chmod 600'],
    ['none', () => rmSync(file), 'ENOENT'],
    ['a link', () => (rmSync(file), symlinkSync('/etc/hostname', file)), 'ELOOP'],
    ['a pipe, without waiting', () => (rmSync(file), void execFileSync('mkfifo', ['-m', '600', file])), 'no regular file'],
    ['an empty one', () => writeFileSync(file, '\n'), 'nothing'],
    ['a large one', () => writeFileSync(file, Buffer.alloc(1 << 20, 'a')), '1024 bytes are the most'],
    ['one byte too many', () => writeFileSync(file, 'a'.repeat(1025)), '1024 bytes are the most'],
  ])('%s', async (_what, make, said) => {
    make();
    const { exit, err } = await ask(['ca', 'seal', '--passphrase-file', file]);
    expect([exit, sent()]).toEqual([2, []]);
    expect(err).toContain('(E_PASSPHRASE)');
    expect(err).toContain(said);
    expect(err).not.toContain(PASSPHRASE);
  });

  test('the longest one is taken, and so is a file with another name', async () => {
    writeFileSync(file, `${'a'.repeat(1024)}\n`);
    linkSync(file, path.join(folder, 'second'));
    expect((await ask(['ca', 'seal', '--passphrase-file', file])).exit).toBe(0);
  });
});

describe('a hidden prompt', () => {
  /** A terminal in name only: what it is switched to is written down, and what is typed arrives in these chunks. */
  async function typed(
    ...chunks: (string | Buffer)[]
  ): Promise<{ answers: Promise<Buffer>; said: string; modes: boolean[]; rest: PassThrough }> {
    const modes: boolean[] = [];
    let said = '';
    const rest = new PassThrough();
    const terminal = Object.assign(rest, { setRawMode: (mode: boolean) => modes.push(mode) }) as unknown as NodeJS.ReadStream;
    const notes = { write: (text: string) => void (said += text), on: () => undefined };
    const answers = askHidden(terminal, notes, 'Say: ');
    answers.catch(() => undefined);
    for (const chunk of chunks) rest.write(Buffer.from(chunk as string));
    await answers.catch(() => undefined);
    return { answers, said, modes, rest };
  }

  test('takes one line, shows nothing of it, and gives the terminal back', async () => {
    const { answers, said, modes } = await typed('sec', 'ret\r');
    expect((await answers).toString()).toBe('secret');
    expect([said, modes]).toEqual(['Say: \n', [true, false]]);
  });

  test.each([
    ['abx\u007fc\n', 'abc'],
    ['\u007f\u007fab\n', 'ab'],
    ['aä€\u007f\u007fb\r', 'ab'],
    ['wrong\u0015right\r', 'right'],
    ['\r', ''],
  ])('%j reads as %j', async (keys, line) => {
    expect((await (await typed(keys)).answers).toString()).toBe(line);
  });

  test.each(['abc\u0003', '\u0004'])('%j leaves it, and the terminal is as before', async (keys) => {
    const { answers, modes } = await typed(keys);
    await expect(answers).rejects.toMatchObject({ code: 'E_PASSPHRASE' });
    expect(modes).toEqual([true, false]);
  });

  test('what follows the line answers the next question', async () => {
    const { answers, rest } = await typed('one\rtwo\r');
    expect((await answers).toString()).toBe('one');
    expect((await askHidden(rest as unknown as NodeJS.ReadStream, { write: () => undefined, on: () => undefined }, '')).toString()).toBe(
      'two',
    );
  });

  test('a longer line than is allowed is seen to be longer, and takes no more memory', async () => {
    expect((await (await typed(Buffer.alloc(1 << 20, 'a'), '\r')).answers).length).toBe(1025);
  });
});
