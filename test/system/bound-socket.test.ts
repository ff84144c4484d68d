import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boundSocket } from '../../src/system/bound-socket';
import { descriptorOf } from '../../src/system/descriptor-of';
import { peekSender } from '../../src/system/socket-credentials';
import { until } from '../supervision/until';

const folder = mkdtempSync(path.join(tmpdir(), 'bound-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('WE-09: nobody connects before who writes is known, and from the first connection on it is', async () => {
  const at = path.join(folder, 's');
  const fd = boundSocket(at);
  chmodSync(at, 0o600);
  const early = connect(at);
  await expect(once(early, 'connect')).rejects.toThrow('ECONNREFUSED');

  const server = createServer({ pauseOnConnect: true });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  server.listen({ fd });
  // Written before it is accepted, as a client does that waits for the socket to be there.
  const client = connect(at);
  client.write('x');
  const [socket] = await accepted;
  const sender = await until('the first byte', () => {
    const seen = peekSender(descriptorOf(socket));
    return seen !== 'empty' && seen;
  });
  expect(sender).toMatchObject({ pid: process.pid, uid: process.getuid!() });
  client.destroy();
  socket.destroy();
  server.close();
});

test('a path that is taken is refused', () => {
  const at = path.join(folder, 'taken');
  const server = createServer().listen({ fd: boundSocket(at) });
  expect(() => boundSocket(at)).toThrow('EADDRINUSE');
  server.close();
});
