import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import path from 'node:path';
import { Running } from './running';
import { until } from './until';

jest.setTimeout(120_000);

let running: Running;
beforeAll(async () => {
  running = await Running.start();
});
afterAll(() => running?.end());

const raw = (bytes: Buffer): Buffer => bytes;

/** Opens the link as the node does, from this process. */
function link(): Promise<ServiceError> {
  const client = new Client(`unix:${path.join(running.state, 'run/link/link.sock')}`, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest('/mandate.v1.NodeLink/Link', raw, raw);
    stream.on('data', () => reject(new Error('the link answered')));
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.write(Buffer.alloc(0));
  }).finally(() => client.close()) as Promise<ServiceError>;
}

test('a second client on the link is refused and recorded, and the node stays linked', async () => {
  const before = running.partsNow();
  const refused = await link();
  expect(refused.code).toBe(7);

  const reader = await running.reader();
  const event = await until('the record of the refusal', async () => {
    const { rows } = await reader.query<{ code: string; data: { pid: number; uid: number; verb: string } }>(
      `SELECT code, convert_from(record, 'UTF8')::json->'data' AS data FROM event WHERE kind = 'admin-refused'`,
    );
    return rows.find(({ data }) => data.verb === 'link' && data.pid === process.pid);
  });
  await reader.end();
  expect(event).toMatchObject({ code: 'E_NOT_ADMIN', data: { uid: process.getuid!() } });

  expect(running.partsNow()).toEqual(before);
  const { code } = await running.cli(['run', '--', running.program, 'svid']);
  expect(code).toBe(0);
});

test('nor is it let in while no node is linked', async () => {
  const { node } = running.partsNow();
  process.kill(node.pid, 'SIGKILL');
  let again = false;
  const successor = running.successor('node', node).then(() => (again = true));
  // Its place is free from the end of its connection to the first word of the next one.
  while (!again) expect((await link()).code).toBe(7);
  await successor;
  await running.ready();
});
