import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Arrivals } from '../../src/system/arrivals';
import { systemClock } from '../../src/system/clock';
import { ConnectionLimits } from '../../src/system/connection-limits';
import { FloodingUsers } from '../../src/system/flooding-users';
import { shutOut } from '../../src/system/access-list';
import type { Credentials } from '../../src/system/socket-credentials';
import { quiet, talkTo } from './peers';

const asRoot = process.geteuid!() === 0 ? test : test.skip;
if (process.geteuid!() !== 0) console.warn('skipped where it needs root: a flood by another user');

const OTHER = 54_321;

/** Opens and closes connections until it is told EACCES. */
const FLOODS = `
  const flood = () => require('node:net').connect(process.argv[1])
    .on('connect', function () { this.destroy(); flood(); })
    .on('error', (error) => error.code === 'EACCES' ? console.log('kept away') : setImmediate(flood));
  for (let i = 0; i < 20; i++) flood();`;

describe('connections that arrive', () => {
  let folder: string;
  let path: string;
  let arrivals: Arrivals;
  let arrived: Credentials[];
  let sockets: Socket[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'flood-'));
    chmodSync(folder, 0o711);
    path = join(folder, 's');
    [arrived, sockets] = [[], []];
  });
  afterEach(() => {
    arrivals.close();
    sockets.forEach((socket) => socket.destroy());
    rmSync(folder, { recursive: true });
  });

  async function listen(take: (peer: Credentials) => (() => void) | undefined): Promise<void> {
    arrivals = new Arrivals({
      path,
      socketMode: 0o666,
      log: quiet,
      take,
      arrived: (socket, peer, giveBack) => {
        arrived.push(peer);
        sockets.push(socket.on('error', () => {}).on('close', giveBack));
      },
    });
    await arrivals.listen();
  }

  const mine = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(path, () => resolve(socket));
      sockets.push(socket);
    });
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  asRoot('stop at the door where they are a flood, and nobody else does', async () => {
    const limits = new ConnectionLimits(systemClock, { maxPerUid: 5_500, maxTotal: 6_000 });
    const kept: (readonly number[])[] = [];
    const users = new FloodingUsers({ ...systemClock, after: () => () => {} }, (uids) => {
      kept.push(uids);
      shutOut(path, 0o666, uids);
    });
    await listen((peer) => {
      const giveBack = limits.take(peer);
      if (!giveBack) users.refused(peer.uid);
      return giveBack;
    });
    const flood = talkTo(process.execPath, ['-e', FLOODS, path], { uid: OTHER, gid: OTHER });
    expect(await flood.hear()).toBe('kept away');
    expect(kept).toEqual([[OTHER]]);
    const socket = await mine();
    while (!arrived.some(({ pid }) => pid === process.pid)) await nextTurn();
    expect(socket.destroyed).toBe(false);
    await flood.end();
  });
});
