import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { MandateError } from '../../src/domain/errors';
import { systemClock } from '../../src/system/clock';
import { listenForPeers, PEER_SERVER_OPTIONS } from '../../src/system/peer-listener';
import type { PeerListener, PeerListenerOptions } from '../../src/system/peer-listener';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { client, quiet } from './peers';

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

describe('a socket whose peers are known', () => {
  const readiness = new Readiness(quiet);
  const processes = new PinnedProcesses(readiness);
  let folder: string;
  let listener: PeerListener;
  let refused: MandateError[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peers-'));
    refused = [];
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

  test('names the process that connected', async () => {
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
});
