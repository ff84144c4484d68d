import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listWithout, shutOut } from '../../src/system/access-list';
import { talkTo } from './peers';

const asRoot = process.geteuid!() === 0 ? test : test.skip;
if (process.geteuid!() !== 0) console.warn('skipped where it needs root: users who are kept away from a socket');

const CONNECTS = `
  require('node:net').connect(process.argv[1])
    .on('connect', function () { console.log('connected'); this.destroy(); })
    .on('error', (error) => console.log(error.code));`;

test('the list has the order and the bytes of the kernel', () => {
  expect(listWithout([65_534, 1000], 0o640).toString('hex')).toBe(
    [
      '02000000',
      '01000600ffffffff',
      '02000000e8030000',
      '02000000feff0000',
      '04000400ffffffff',
      '10000400ffffffff',
      '20000000ffffffff',
    ].join(''),
  );
});

describe('a socket', () => {
  let folder: string;
  let path: string;
  let server: Server;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shut-'));
    chmodSync(folder, 0o711);
    path = join(folder, 's');
    server = createServer((socket) => socket.on('error', () => {}).destroy());
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    chmodSync(path, 0o666);
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  async function connecting(uid: number): Promise<string> {
    const talker = talkTo(process.execPath, ['-e', CONNECTS, path], { uid, gid: uid });
    const said = await talker.hear();
    await talker.end();
    return said;
  }

  asRoot('is shut to the users on the list, open to all others, and of the mode it had', async () => {
    shutOut(path, 0o666, [54_321, 54_322]);
    expect([await connecting(54_321), await connecting(54_322), await connecting(54_323)]).toEqual(['EACCES', 'EACCES', 'connected']);
    expect(statSync(path).mode & 0o7777).toBe(0o666);
    shutOut(path, 0o666, [54_322]);
    expect([await connecting(54_321), await connecting(54_322)]).toEqual(['connected', 'EACCES']);
    shutOut(path, 0o666, []);
    expect(await connecting(54_322)).toBe('connected');
  });

  test('that is gone is an error with a name', () => {
    expect(() => shutOut(join(folder, 'none'), 0o666, [])).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
