import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Holders } from '../../src/domain/connection';
import { descriptorOf } from '../../src/system/descriptor-of';
import { lookForHolders } from '../../src/system/holders';
import { peerSocketInode } from '../../src/system/socket-peer';
import { withReadableProcesses } from '../running/readable';
import { talkTo } from './peers';

const PYTHON = '/usr/bin/python3';
const SCRIPT = path.join(__dirname, 'hold.py');
const folder = mkdtempSync(path.join(tmpdir(), 'hold-'));
const socketPath = path.join(folder, 's');
const withPython = existsSync(PYTHON) ? test : test.skip;

let server: Server;
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

interface Held {
  readonly pid: number;
  /** The process that it names as the one to be found. */
  readonly said: number;
  readonly sockets: readonly string[];
  /** Our end. */
  readonly socket: Socket;
  readonly hear: () => Promise<string>;
}

/** A connection of another process, held in one of the ways of hold.py. */
async function held<T>(how: string, then: (held: Held) => T, [program = PYTHON, ...before]: readonly string[] = []): Promise<T> {
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const talker = talkTo(program, [...before, SCRIPT, how, socketPath]);
  try {
    const socket = await connected;
    const inode = peerSocketInode(descriptorOf(socket));
    const said = Number(await talker.hear());
    return await then({ pid: talker.pid, said, sockets: inode === undefined ? [] : [inode], socket, hear: () => talker.hear() });
  } finally {
    talker.child.stdin!.end();
    await new Promise((resolve) => (talker.child.exitCode === null ? talker.child.once('exit', resolve) : resolve(undefined)));
  }
}

const look = ({ pid, sockets }: Held): Holders => lookForHolders(pid, sockets);

describe('who is found to hold it too, whatever else may be read', () => {
  withPython.each([
    ['a fork', 'forked', 'shared'],
    ['a thread with a table of its own', 'thread', 'shared'],
    ['a socket that it was sent to', 'sent', 'in-flight'],
    ['a socket that nobody accepted', 'queued', 'in-flight'],
  ])('%s', async (_what, how, holding) => {
    await held(how, (one) => {
      expect(one.sockets).toHaveLength(1);
      expect(look(one)).toEqual({ holding, pids: [one.said] });
    });
  });
});

withPython('another process than the one that holds it is told so', async () => {
  await held('alone', ({ pid, sockets }) => expect(lookForHolders(process.pid, sockets)).toEqual({ holding: 'shared', pids: [pid] }));
});

withReadableProcesses(__filename, () => {
  withPython('a process that holds it alone', async () => {
    await held('alone', (one) => expect(look(one)).toEqual({ holding: 'sole', pids: [] }));
  });

  withPython('a holder that forks and ends over and over is never taken for nobody', async () => {
    await held('hopping', (one) => {
      for (let looked = 0; looked < 5; looked++) expect(look(one).holding).toMatch(/^(shared|unsettled)$/);
    });
  });

  withPython('all of several sockets must be its own', async () => {
    await held('alone', async (one) => {
      await held('alone', (other) => {
        expect(lookForHolders(one.pid, [...one.sockets, ...other.sockets])).toEqual({ holding: 'shared', pids: [other.pid] });
      });
    });
  });

  // Said of it wherever it is described: no table shows who waits in a read.
  withPython('not seen: a read under way of a descriptor that was closed', async () => {
    await held('reading', async ({ pid, sockets, socket, hear }) => {
      expect(lookForHolders(pid, sockets)).toEqual({ holding: 'sole', pids: [] });
      socket.write('for the one that was looked at\n');
      expect(await hear()).toBe('for the one that was looked at');
    });
  });

  withPython('a socket that is gone is held by nobody', async () => {
    const gone = await held('alone', (one) => one);
    expect(lookForHolders(process.pid, gone.sockets)).toEqual({ holding: 'unheld', pids: [] });
  });
});

describe('the socket at the other end has no name for us', () => {
  test('where there is none', () => expect(peerSocketInode(descriptorOf(server))).toBeUndefined());

  const asRoot = process.getuid!() === 0 && existsSync(PYTHON) ? test : test.skip;
  asRoot('where it connected in another network namespace', async () => {
    await held('alone', ({ sockets }) => expect(sockets).toEqual([]), ['unshare', '--net', PYTHON]);
  });
});
