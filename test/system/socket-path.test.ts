import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareSocketPath } from '../../src/system/socket-path';
import type { SocketPlace } from '../../src/system/socket-path';
import { talkTo } from './peers';

const root = process.geteuid!() === 0;
const asRoot = root ? test : test.skip;
if (!root) console.warn('skipped where it needs root: folders and sockets of another user');

let base: string;
let folder: string;
let path: string;
let servers: Server[];

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'place-')));
  folder = join(base, 'run', 'agent');
  path = join(folder, 'agent.sock');
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(base, { recursive: true });
});

const prepare = (more: Partial<SocketPlace> = {}): Promise<void> => prepareSocketPath({ path, folderMode: 0o750, ...more });
const modeOf = (at: string): number => statSync(at).mode & 0o7777;

async function listen(at: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  await once(server.listen(at), 'listening');
}

/** A socket whose listener was killed. */
async function stale(at: string): Promise<void> {
  const other = talkTo(process.execPath, ['-e', `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`, at]);
  await other.hear();
  await other.end();
  expect(lstatSync(at).isSocket()).toBe(true);
}

describe('taken', () => {
  const state = (): { free: boolean; mode: number } => ({ free: !existsSync(path), mode: modeOf(folder) });

  test('where nothing is', async () => {
    await prepare();
    expect(state()).toEqual({ free: true, mode: 0o750 });
  });

  test('WE-17: where a folder of ours has the wrong mode', async () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    await prepare();
    expect(state()).toEqual({ free: true, mode: 0o750 });
  });

  test('whatever the umask is', async () => {
    const umask = process.umask(0o077);
    try {
      await prepare({ folderMode: 0o755 });
    } finally {
      process.umask(umask);
    }
    expect(state()).toEqual({ free: true, mode: 0o755 });
    expect(modeOf(join(base, 'run'))).toBe(0o755);
  });

  test('below a folder that anyone may write to and is sticky', async () => {
    mkdirSync(join(base, 'run'));
    chmodSync(join(base, 'run'), 0o1777);
    await prepare();
    expect(state()).toEqual({ free: true, mode: 0o750 });
  });

  test('WE-17: where a socket was left behind', async () => {
    await prepare();
    await stale(path);
    await prepare();
    expect(state()).toEqual({ free: true, mode: 0o750 });
  });

  test('where something listens on the same name in the abstract namespace', async () => {
    await listen(`\0${path}`);
    await prepare();
    expect(state()).toEqual({ free: true, mode: 0o750 });
  });

  asRoot('for another user', async () => {
    const owner = { uid: 12345, gid: 12346 };
    await prepare({ owner });
    await prepare({ owner });
    expect(statSync(folder)).toMatchObject(owner);
    expect(modeOf(folder)).toBe(0o750);
  });
});

describe('refused', () => {
  const refusal = async (more: Partial<SocketPlace> = {}): Promise<unknown> => prepare(more).catch((error: unknown) => error);
  const permissions = { code: 'E_STATE_PERMISSIONS' };
  const inUse = { code: 'E_SOCKET_IN_USE' };

  test('WE-17: a folder that is a symbolic link', async () => {
    mkdirSync(join(base, 'run'));
    mkdirSync(join(base, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(base, 'elsewhere'), folder);
    expect(await refusal()).toMatchObject(permissions);
    expect(modeOf(join(base, 'elsewhere'))).toBe(0o700);
  });

  test('a folder that is a file', async () => {
    mkdirSync(join(base, 'run'));
    writeFileSync(folder, 'kept');
    expect(await refusal()).toMatchObject(permissions);
    expect(statSync(folder).size).toBe(4);
  });

  test('WE-17: a folder above that anyone may write to', async () => {
    mkdirSync(join(base, 'run'));
    chmodSync(join(base, 'run'), 0o777);
    expect(await refusal()).toMatchObject(permissions);
  });

  asRoot('a folder of another user, and a folder above of another user', async () => {
    mkdirSync(folder, { recursive: true });
    chownSync(folder, 12345, 12345);
    expect(await refusal()).toMatchObject(permissions);
    expect(statSync(folder).uid).toBe(12345);
    chownSync(folder, 0, 0);
    chownSync(join(base, 'run'), 12345, 12345);
    expect(await refusal()).toMatchObject(permissions);
    expect(await refusal({ owner: { uid: 12345, gid: 12345 } })).toBeUndefined();
  });

  test('WE-17: a socket that something listens on', async () => {
    await prepare();
    await listen(path);
    expect(await refusal()).toMatchObject(inUse);
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  test('WE-17: a path that is a file', async () => {
    await prepare();
    writeFileSync(path, 'kept');
    expect(await refusal()).toMatchObject(inUse);
    expect(statSync(path).size).toBe(4);
  });

  test('a path that is a symbolic link, to nothing or to a socket', async () => {
    await prepare();
    symlinkSync(join(base, 'nothing'), path);
    expect(await refusal()).toMatchObject(inUse);
    rmSync(path);
    await listen(join(base, 'other.sock'));
    symlinkSync(join(base, 'other.sock'), path);
    expect(await refusal()).toMatchObject(inUse);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  test('a path that the kernel would cut', async () => {
    expect(await refusal({ path: join(base, 'x'.repeat(100), 's') })).toMatchObject({ code: 'E_SOCKET_PATH' });
    expect(existsSync(join(base, 'x'.repeat(100)))).toBe(false);
  });
});
