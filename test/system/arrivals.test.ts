import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shutOut } from '../../src/system/access-list';
import { Arrivals } from '../../src/system/arrivals';
import { systemClock } from '../../src/system/clock';
import { ConnectionLimits } from '../../src/system/connection-limits';
import { FloodingUsers } from '../../src/system/flooding-users';
import type { Credentials } from '../../src/system/socket-credentials';
import { quiet, talkTo } from './peers';

const asRoot = process.geteuid!() === 0 ? test : test.skip;
if (process.geteuid!() !== 0) console.warn('skipped where it needs root: a flood by another user');

const OTHER = 54_321;

/** Opens so many connections at once, and holds them until its input ends. */
const FILLS = `
  const sockets = Array.from({ length: Number(process.argv[2]) }, () => require('node:net').connect(process.argv[1]));
  Promise.all(sockets.map((socket) => require('node:events').once(socket.on('error', () => {}), 'connect'))).then(() => console.log('full'));
  process.stdin.resume().on('end', () => process.exit());`;

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
  let arrived: { readonly peer: Credentials; readonly turn: number }[];
  let sockets: Socket[];
  let turn: number;
  let left: Credentials[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'flood-'));
    chmodSync(folder, 0o711);
    path = join(folder, 's');
    [arrived, sockets, turn, left] = [[], [], 0, []];
  });
  afterEach(() => {
    arrivals.close();
    sockets.forEach((socket) => socket.destroy());
    rmSync(folder, { recursive: true });
  });

  async function listen(take: (peer: Credentials) => (() => void) | undefined, onLeft?: (peer: Credentials) => void): Promise<void> {
    arrivals = new Arrivals({
      path,
      socketMode: 0o666,
      log: quiet,
      take,
      left: (peer) => {
        left.push(peer);
        onLeft?.(peer);
      },
      arrived: (socket, peer, giveBack) => {
        arrived.push({ peer, turn });
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

  test('all find a place in the queue, while nobody looks at it', async () => {
    await listen(() => () => {});
    // In this turn nobody is taken in: whoever finds the queue full is told so at once.
    const count = `
      let connected = 0;
      for (let left = 900; left > 0; left--) require('node:net').connect(process.argv[1], () => (connected += 1)).on('error', () => {});
      setImmediate(() => setImmediate(() => { console.log(connected); process.exit(); }));`;
    expect(execFileSync(process.execPath, ['-e', count, path], { encoding: 'utf8' })).toBe('900\n');
  });

  test('are few at a time where many wait, and everyone has a turn', async () => {
    await listen(() => () => {});
    let counting = true;
    const count = () => ((turn += 1), counting && setImmediate(count));
    count();
    const filler = talkTo(process.execPath, ['-e', FILLS, path, '190']);
    expect(await filler.hear()).toBe('full');
    while (arrived.length < 190) await nextTurn();
    counting = false;
    const perTurn = new Map<number, number>();
    for (const { turn: at } of arrived) perTurn.set(at, (perTurn.get(at) ?? 0) + 1);
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(2 * (4 + 1)); // one turn of ours may see two of its
    await filler.end();
  });

  test('that are refused are closed, one turn or another', async () => {
    let asked = 0;
    await listen(() => void asked++);
    const closed = Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = await mine();
        await new Promise((resolve) =>
          socket
            .on('error', () => {})
            .on('close', resolve)
            .resume(),
        );
      }),
    );
    await closed;
    expect([asked, arrived.length]).toEqual([100, 0]);
  });

  test('whose clients are gone again are let in by nobody, and counted', async () => {
    let asked = 0;
    await listen(() => (asked++, () => {}));
    const comeAndGo = `
      let open = 300;
      for (let i = 0; i < 300; i++) require('node:net').connect(process.argv[1], function () { this.destroy(); }).on('close', () => --open || process.exit());`;
    // In this turn: all have come and gone before anybody looks.
    execFileSync(process.execPath, ['-e', comeAndGo, path]);
    while (left.length < 300) await nextTurn();
    const stays = await mine();
    while (arrived.length < 1) await nextTurn();
    expect([asked, arrived.length, left.length, stays.destroyed]).toEqual([1, 1, 300, false]);
    expect(new Set(left.map(({ uid }) => uid))).toEqual(new Set([process.geteuid!()]));
  });

  asRoot('stop at the door where they are a flood, and nobody else does', async () => {
    const limits = new ConnectionLimits(systemClock, { maxPerUid: 5_500, maxTotal: 6_000 });
    const kept: (readonly number[])[] = [];
    const users = new FloodingUsers({ ...systemClock, after: () => () => {} }, (uids) => {
      kept.push(uids);
      shutOut(path, 0o666, uids);
    });
    await listen(
      (peer) => {
        const giveBack = limits.take(peer);
        if (!giveBack) users.wasted(peer.uid);
        return giveBack;
      },
      ({ uid }) => users.wasted(uid),
    );
    const flood = talkTo(process.execPath, ['-e', FLOODS, path], { uid: OTHER, gid: OTHER });
    expect(await flood.hear()).toBe('kept away');
    expect(kept).toEqual([[OTHER]]);
    const socket = await mine();
    while (!arrived.some(({ peer }) => peer.pid === process.pid)) await nextTurn();
    expect(socket.destroyed).toBe(false);
    await flood.end();
  });
});
