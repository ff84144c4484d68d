import { Client, type sendUnaryData, Server, type ServerUnaryCall, type ServiceError, status } from '@grpc/grpc-js';
import type { AddressInfo } from 'node:net';
import { allow } from '../../src/service/allow';
import { channelCredentials, type GrpcListener, grpcListener } from '../../src/service/grpc';
import type { X509Identity } from '../../src/service/sources';
import { forge, type Forged } from '../verify/forge';
import { bundleOf, HeldSource, identity, idOf, ToldClock } from './world';

const bytes = (value: Buffer): Buffer => value;
const WHO = {
  path: '/sample.Sample/Who',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
type Call = ServerUnaryCall<Buffer, Buffer>;

let root: Forged;
let service: X509Identity;
let ana: X509Identity;
const clock = new ToldClock();
let source: HeldSource;
let server: Server;
let grpc: GrpcListener;
let calls: number;
const clients: Client[] = [];

beforeAll(async () => {
  root = await forge({ ca: true });
  service = await identity('service', root);
  ana = await identity('ana', root);
});
beforeEach(async () => {
  calls = 0;
  source = new HeldSource(clock, service, bundleOf(root));
  server = new Server();
  server.addService(
    { who: WHO },
    {
      who: (call: Call, done: sendUnaryData<Buffer>) => {
        calls += 1;
        done(null, Buffer.from(grpc.peerOf(call).spiffeId));
      },
    },
  );
  grpc = grpcListener(server, { source, clients: allow({ id: idOf('ana') }) });
  await new Promise<void>((resolve) => grpc.listener.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  server.forceShutdown();
  await new Promise((resolve) => grpc.listener.close(resolve));
});

/** The answer to one call, or the status it failed with. */
function ask(as: X509Identity, wanted = idOf('service')): Promise<string | number> {
  const credentials = channelCredentials({ source: new HeldSource(clock, as, bundleOf(root)), server: allow({ id: wanted }) });
  const client = new Client(`127.0.0.1:${(grpc.listener.address() as AddressInfo).port}`, credentials);
  clients.push(client);
  return new Promise((resolve) =>
    client.makeUnaryRequest(WHO.path, bytes, bytes, Buffer.alloc(0), (error: ServiceError | null, answer?: Buffer) =>
      resolve(error ? error.code : answer!.toString()),
    ),
  );
}

test('a call says who made it', async () => {
  expect(await ask(ana)).toBe(idOf('ana'));
});

test('who is not allowed reaches no handler', async () => {
  expect(await ask(await identity('bert', root))).toBe(status.UNAVAILABLE);
  expect(calls).toBe(0);
});

test('a server that is not meant is not asked', async () => {
  expect(await ask(ana, idOf('other'))).toBe(status.UNAVAILABLE);
  expect(calls).toBe(0);
});

test('after a rotation a new channel sees the new SVID', async () => {
  source.identity = await identity('renewed', root);
  source.changed();
  expect(await ask(ana, idOf('renewed'))).toBe(idOf('ana'));
});

test('a call over another connection has no peer here', () => {
  expect(() => grpc.peerOf({ getAuthContext: () => ({}) })).toThrow(expect.objectContaining({ code: 'E_PEER_NOT_ALLOWED' }));
});
