import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../../src/domain/ports';
import { NodeLink, type NodeMessage, type ServerMessage, ServerMessageSchema } from '../../src/generated/proto/mandate/v1/node_link_pb';
import { openServerLink } from '../../src/node/server-link';
import { systemRandom } from '../../src/system/random';
import { grpcService } from '../../src/wire/grpc';
import { silentLog } from '../silent-log';

/** Its timers never run: whatever waits for one waits for ever. */
const stopped: Clock = { nowMs: () => 0, monotonicMs: () => 0, after: () => () => undefined };

test('a server that comes later is found by the look for it alone: no pause of the link is added to that', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'link-'));
  const socket = path.join(folder, 'link.sock');
  const hellos: string[] = [];
  const server = new Server();
  server.addService(grpcService(NodeLink), {
    link: (call: ServerDuplexStream<NodeMessage, ServerMessage>) =>
      call.on('data', ({ body }: NodeMessage) => {
        hellos.push(String(body.case));
        call.write(create(ServerMessageSchema, { body: { case: 'welcome', value: {} } }));
      }),
  });
  const welcomed = new Promise<void>((welcome) => {
    const handlers = { welcome: () => welcome(), message: () => undefined, lost: () => undefined };
    const link = openServerLink(socket, () => ({ case: 'hello', value: {} }), handlers, stopped, systemRandom, silentLog);
    ends.push(() => link.close());
  });
  ends.push(() => server.forceShutdown());
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  // It has looked once by then, and found nothing.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  await welcomed;
  expect(hellos).toEqual(['hello']);
});

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
