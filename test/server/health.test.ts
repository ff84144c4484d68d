import { Client, credentials } from '@grpc/grpc-js';
import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Health, HealthCheckRequestSchema, type HealthCheckResponse } from '../../src/generated/proto/grpc/health/v1/health_pb';
import type { Clock } from '../../src/domain/ports';
import { healthService } from '../../src/server/health';
import { grpcService } from '../../src/wire/grpc';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

let missing: string[] = [];
let due: () => void = () => undefined;
/** Lets the test decide when a second has passed. */
const clock: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after: (_delayMs, run) => {
    due = run;
    return () => undefined;
  },
};
const folder = mkdtempSync(join(tmpdir(), 'health-'));
const server = new Server();
let client: Client;
const methods = grpcService(Health);

beforeAll(async () => {
  server.addService(
    methods,
    healthService(['mandate.v1.Admin'], () => Promise.resolve(missing), clock),
  );
  const address = `unix:${folder}/s`;
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  client = new Client(address, credentials.createInsecure());
});
afterAll(() => {
  client.close();
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  missing = [];
});

const check = (service: string) =>
  new Promise<number>((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = methods['check']!;
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, create(HealthCheckRequestSchema, { service }), (error, answer) =>
      error ? reject(error) : resolve((answer as HealthCheckResponse).status),
    );
  });

test.each(['', 'mandate.v1.Admin'])('%j serves while nothing is missing', async (service) => {
  expect(await check(service)).toBe(SERVING);
  missing = ['database'];
  expect(await check(service)).toBe(NOT_SERVING);
});

test('another service is not found', () => expect(check('nope')).rejects.toMatchObject({ code: 5 }));

test('watching tells the state now and each change, and nothing in between', async () => {
  const { path, requestSerialize, responseDeserialize } = methods['watch']!;
  const call = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(HealthCheckRequestSchema, { service: '' }),
  );
  const told: number[] = [];
  const next = () =>
    new Promise<void>((resolve) =>
      call.once('data', (answer: HealthCheckResponse) => {
        told.push(answer.status);
        resolve();
      }),
    );
  call.on('error', () => undefined);
  await next();
  due();
  missing = ['node'];
  const changed = next();
  due();
  await changed;
  call.cancel();
  expect(told).toEqual([SERVING, NOT_SERVING]);
});

test('watching a service that is not known says so and goes on', async () => {
  const { path, requestSerialize, responseDeserialize } = methods['watch']!;
  const call = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(HealthCheckRequestSchema, { service: 'nope' }),
  );
  call.on('error', () => undefined);
  const status = await new Promise<number>((resolve) => call.once('data', (answer: HealthCheckResponse) => resolve(answer.status)));
  call.cancel();
  expect(status).toBe(SERVICE_UNKNOWN);
});
