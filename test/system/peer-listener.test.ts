import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { MandateError } from '../../src/domain/errors';
import { systemClock } from '../../src/system/clock';
import { listenForPeers, PEER_SERVER_OPTIONS } from '../../src/system/peer-listener';
import type { PeerListener, PeerListenerOptions } from '../../src/system/peer-listener';
import type { PeerConnection } from '../../src/system/peer-connection';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { client, quiet, talkTo } from './peers';

const raw = {
  requestSerialize: (x: Buffer) => x,
  requestDeserialize: (x: Buffer) => x,
  responseSerialize: (x: Buffer) => x,
  responseDeserialize: (x: Buffer) => x,
};
const service: grpc.ServiceDefinition = {
  who: { path: '/t.T/Who', requestStream: false, responseStream: false, ...raw },
  watch: { path: '/t.T/Watch', requestStream: false, responseStream: true, ...raw },
};

const pidOf = (peer: PeerConnection): number | string => {
  try {
    return peer.process.pid;
  } catch (thrown) {
    return String(thrown);
  }
};

describe('a socket whose peers are known', () => {
  const readiness = new Readiness(quiet);
  const processes = new PinnedProcesses(readiness);
  let folder: string;
  let listener: PeerListener;
  let refused: MandateError[];
  let asked: (number | string)[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peers-'));
    refused = [];
    asked = [];
  });
  afterEach(async () => {
    await listener.close();
    rmSync(folder, { recursive: true });
  });
  afterAll(() => readiness.close());

  const path = (): string => join(folder, 's', 'agent.sock');

  async function listen(options: Partial<PeerListenerOptions> = {}): Promise<void> {
    const server = new grpc.Server({
      ...PEER_SERVER_OPTIONS,
      interceptors: [
        (_method, call) =>
          new grpc.ServerInterceptingCall(call, {
            start: (next) =>
              next({
                onReceiveMetadata: (metadata, on) => {
                  const refusal = listener.peerOf({ getPeer: () => call.getPeer() })?.refusal;
                  if (refusal) call.sendStatus({ code: refusal.grpcStatus, details: refusal.code });
                  else on(metadata);
                },
              }),
          }),
      ],
    });
    server.addService(service, {
      who: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        const peer = listener.peerOf(call)!;
        asked.push(pidOf(peer));
        peer.recheck();
        callback(null, Buffer.from(`${peer.process.pid} ${peer.uid}`));
      },
      watch: (call: grpc.ServerWritableStream<Buffer, Buffer>) => void call.write(Buffer.from(String(listener.peerOf(call)!.pid))),
    });
    listener = await listenForPeers({
      server,
      path: path(),
      folderMode: 0o755,
      socketMode: 0o666,
      processes,
      readiness,
      admit: () => {},
      senderPeek: true,
      maxPerProcess: 10,
      maxPerUid: 100,
      maxTotal: 1000,
      onRefused: (error) => refused.push(error),
      clock: systemClock,
      log: quiet,
      ...options,
    });
  }

  test('WE-08: names the process that connected', async () => {
    await listen();
    const agent = await client(path());
    agent.say('unary');
    expect(await agent.hear()).toBe(`${agent.pid} ${process.geteuid!()}`);
    agent.say('stream');
    expect(await agent.hear()).toBe(String(agent.pid));
    expect(listener.connections()).toBe(1);
    expect(processes.size).toBe(1);
    await agent.end();
  });

  /** One process with many connections, that says on each at once all there is to a call: it waits for nothing of ours. */
  const CROWD = `
    const frame = (type, flags, stream, body) =>
      Buffer.concat([Buffer.from([0, 0, body.length, type, flags, 0, 0, 0, stream]), body]);
    const text = (value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
    const headers = [Buffer.from([0x83, 0x86, 0x04]), text('/t.T/Who'), Buffer.from([0x01]), text('x')];
    for (const [name, value] of [['te', 'trailers'], ['content-type', 'application/grpc']]) headers.push(Buffer.from([0]), text(name), text(value));
    const all = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(1, 4, 1, Buffer.concat(headers)), frame(0, 1, 1, Buffer.alloc(5))]);
    for (let one = 0; one < 60; one++) require('node:net').connect(process.argv[1]).on('error', () => {}).write(all);
    process.stdin.resume().on('end', () => process.exit());`;

  test('names everybody in a crowd, also those whose call is there before they were looked at', async () => {
    await listen({ maxPerProcess: 100 });
    const crowd = talkTo(process.execPath, ['-e', CROWD, path()]);
    while (asked.length < 60) await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(Array.from({ length: 60 }, () => crowd.pid));
    await crowd.end();
  });

  test('tells a refused peer why, on every call', async () => {
    await listen({
      admit: () => {
        throw new MandateError('E_PEER_OTHER_USER');
      },
    });
    const agent = await client(path());
    agent.say('unary');
    expect(await agent.hear()).toBe('error 7 E_PEER_OTHER_USER');
    agent.say('stream');
    expect(await agent.hear()).toBe('error 7 E_PEER_OTHER_USER');
    expect(refused.map((error) => error.code)).toContain('E_PEER_OTHER_USER');
    await agent.end();
  });

  test('a process with several connections is pinned once, and let go with the last', async () => {
    await listen();
    const agent = await client(path());
    const sockets = [connect(path()), connect(path())];
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    sockets.forEach((socket) => socket.write(PREFACE));
    agent.say('unary');
    await agent.hear();
    expect(processes.size).toBe(2);
    sockets.forEach((socket) => socket.destroy());
    await agent.end();
    await gone(listener);
    expect(processes.size).toBe(0);
  });

  test('the end of the process ends its streams, even where a child keeps the connection', async () => {
    const peers: PeerConnection[] = [];
    await listen({ admit: (peer) => void peers.push(peer) });
    const parent = talkTo('sh', ['-c', 'node -e "$0" "$1" & read line; kill -9 $!; echo', INHERITING, path()]);
    const child = Number(await parent.hear());
    const peer = await admitted(peers);
    const closed = new Promise<void>((resolve) => void peer.onClose(resolve));
    expect(peer.closed).toBe(false);
    process.kill(peer.pid, 'SIGKILL');
    await closed;
    expect(() => peer.recheck()).toThrow(expect.objectContaining({ code: 'E_PEER_GONE' }));
    process.kill(child, 'SIGKILL');
    await parent.end();
  });

  test('WE-09: bytes that a child wrote into the connection of its parent are refused', async () => {
    await listen();
    const parent = talkTo(process.execPath, ['-e', CHILD_WRITES, path()]);
    expect(await parent.hear()).toBe('written');
    await until(() => refused.length > 0);
    expect(refused.map((error) => error.code)).toEqual(['E_PEER_SENDER']);
    await parent.end();
  });

  test('WE-09: an exec after the connection shows at the next call', async () => {
    const peers: PeerConnection[] = [];
    await listen({ admit: (peer) => void peers.push(peer) });
    const agent = talkTo(process.execPath, ['-e', EXECS, path()]);
    expect(await agent.hear()).toBe('connected');
    const peer = await admitted(peers);
    peer.recheck();
    agent.say('exec');
    expect(await agent.hear()).toBe('executed');
    expect(() => peer.recheck()).toThrow(expect.objectContaining({ code: 'E_PEER_EXEC' }));
    await agent.end();
  });

  test('connections over a limit are not kept', async () => {
    await listen({ maxPerUid: 3, senderPeek: false });
    const sockets = Array.from({ length: 5 }, () => connect(path()));
    const ends = sockets.map((socket) => new Promise<void>((resolve) => void socket.on('error', () => {}).on('close', resolve)));
    await Promise.all(ends.slice(3));
    expect(listener.connections()).toBe(3);
    expect(new Set(refused.map((error) => error.code))).toEqual(new Set(['E_PEER_LIMIT']));
    sockets[0]!.destroy();
    await gone(listener, 2);
    const next = connect(path());
    await until(() => listener.connections() === 3);
    [...sockets, next].forEach((socket) => socket.destroy());
  });

  test('a process that opens connections without end is refused, and who waits behind it is served', async () => {
    await listen({ maxPerProcess: 10_000, maxPerUid: 10_000, maxTotal: 10_000 });
    const agent = await client(path());
    agent.say('unary');
    // Its connections fill the queue while nobody takes any: this very process waits for it.
    const holder = Number(execFileSync(process.execPath, ['-e', FLOODS, path()], { encoding: 'utf8' }));
    expect(await agent.hear()).toBe(`${agent.pid} ${process.geteuid!()}`);
    await until(() => refused.some((error) => error.code === 'E_PEER_LIMIT'));
    process.kill(holder, 'SIGKILL');
    await gone(listener, 1);
    await agent.end();
  });

  test('one process over its limit hears why', async () => {
    await listen({ maxPerProcess: 0 });
    const agent = await client(path());
    agent.say('unary');
    expect(await agent.hear()).toBe('error 14 E_PEER_LIMIT');
    await agent.end();
  });

  test('a connection that says nothing is ended after two seconds', async () => {
    const timers: { delayMs: number; run: () => void }[] = [];
    await listen({
      clock: { ...systemClock, after: (delayMs, run) => (timers.push({ delayMs, run }), () => {}) },
    });
    const silent = connect(path());
    const closed = once(silent.resume(), 'close');
    await until(() => timers.length > 0);
    expect(timers[0]!.delayMs).toBe(2000);
    timers[0]!.run();
    await closed;
    await gone(listener);
  });

  test('garbage in place of HTTP/2 ends the connection and nothing else', async () => {
    await listen();
    const garbage = connect(path());
    const closed = once(garbage.on('error', () => {}).resume(), 'close');
    garbage.write(Buffer.alloc(65536, 0xff));
    await closed;
    const agent = await client(path());
    agent.say('unary');
    expect(await agent.hear()).toContain(String(agent.pid));
    await agent.end();
  });

  test('WE-17: is exactly as open as asked, and leaves nothing behind', async () => {
    await listen({ folderMode: 0o750, socketMode: 0o660 });
    expect(statSync(path()).mode & 0o7777).toBe(0o660);
    expect(statSync(join(folder, 's')).mode & 0o7777).toBe(0o750);
    await expect(listenForPeersAgain()).rejects.toMatchObject({ code: 'E_SOCKET_IN_USE' });
    const agent = await client(path());
    agent.say('stream');
    await agent.hear();
    await listener.close();
    expect(await agent.hear()).toMatch(/^error 14 /);
    expect([existsSync(path()), listener.connections(), processes.size]).toEqual([false, 0, 0]);
    await agent.end();
  });

  const listenForPeersAgain = async (): Promise<void> => {
    const first = listener;
    try {
      await listen();
    } finally {
      listener = first;
    }
  };
});

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';

/** Asks on later turns of the event loop until it holds; the test's own limit ends a wait in vain. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** The first that was admitted. A client may be done writing before the listener looked at who it is: until then the kernel keeps its bytes. */
async function admitted(peers: readonly PeerConnection[]): Promise<PeerConnection> {
  await until(() => peers.length > 0);
  return peers[0]!;
}

const gone = (listener: PeerListener, left = 0): Promise<void> => until(() => listener.connections() === left);

/** Connects, writes what an HTTP/2 client writes first, and hands the connection to a child that lives on. */
const INHERITING = `
  const socket = require('node:net').connect(process.argv[1], () => socket.write(${JSON.stringify(PREFACE)}, () => {
    const child = require('node:child_process').spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', socket._handle.fd] });
    child.on('spawn', () => console.log(child.pid));
  }));`;

/** Leaves 400 connections in the queue of a listener that does not look, open in a process whose pid it says. */
const FLOODS = `
  const sockets = Array.from({ length: 400 }, () => require('node:net').connect(process.argv[1]));
  Promise.all(sockets.map((socket) => require('node:events').once(socket, 'connect'))).then(() => {
    const open = sockets.map((socket) => socket._handle.fd);
    const holder = require('node:child_process').spawn('sleep', ['1000'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', ...open] });
    console.log(holder.pid);
    process.exit(0);
  });`;

/** Connects, and lets a child write the first bytes. */
const CHILD_WRITES = `
  const socket = require('node:net').connect(process.argv[1], () => {
    require('node:child_process').spawn('printf', [${JSON.stringify(PREFACE.slice(0, 24))}], { stdio: ['ignore', socket._handle.fd, 'ignore'] })
      .on('exit', () => console.log('written'));
  });`;

/** Connects, and executes another program in place when told to. */
const EXECS = `
  const libc = require('koffi').load(null);
  const fcntl = libc.func('int fcntl(int, int, int)');
  const socket = require('node:net').connect(process.argv[1], () => socket.write(${JSON.stringify(PREFACE)}, () => console.log('connected')));
  process.stdin.once('data', () => {
    for (const fd of [0, 1, 2, socket._handle.fd]) fcntl(fd, 2, 0);
    fcntl(0, 4, 0);
    libc.func('int execve(const char *, const char **, const char **)')('/bin/sh', ['sh', '-c', 'echo executed; read line; read line', null], [null]);
  });`;
