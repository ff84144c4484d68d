import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GRPC, type MandateError } from '../../src/domain/errors';
import {
  JWTBundlesResponseSchema,
  SpiffeWorkloadAPI,
  type X509SVIDResponse,
  X509SVIDResponseSchema,
} from '../../src/generated/proto/spiffe/workloadapi_pb';
import type { X509Identity } from '../../src/service/sources';
import { workloadTarget } from '../../src/service/workload-address';
import { x509StateOf } from '../../src/service/workload-messages';
import { WorkloadSource, type WorkloadSourceOptions } from '../../src/service/workload-source';
import { grpcService } from '../../src/wire/grpc';
import { forge, type Forged } from '../verify/forge';
import { DOMAIN, identity, idOf, middle, ToldClock } from './world';

type Call = ServerWritableStream<unknown, unknown>;

/** A Workload API that says what a test tells it to. */
class ToldApi {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'ms-'));
  readonly socket = `unix://${this.folder}/a.sock`;
  readonly #server = new Server();
  readonly #calls: Call[] = [];
  #wake: () => void = () => undefined;
  /** What the next call, and the ones after, are answered with at once. */
  answer: (call: Call) => void = () => undefined;

  async start(): Promise<void> {
    const stream = (call: Call): void => {
      this.#calls.push(call);
      call.on('error', () => undefined);
      this.answer(call);
      this.#wake();
    };
    const none = (): void => undefined;
    this.#server.addService(grpcService(SpiffeWorkloadAPI), {
      fetchX509SVID: stream,
      fetchX509Bundles: stream,
      fetchJWTBundles: stream,
      fetchJWTSVID: none,
      validateJWTSVID: none,
      fetchWITSVID: none,
      fetchWITBundles: none,
    });
    await new Promise<void>((resolve, reject) =>
      this.#server.bindAsync(this.socket, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
    );
  }

  get calls(): number {
    return this.#calls.length;
  }

  /** The newest call, once there are `count` of them. */
  async call(count: number): Promise<Call> {
    while (this.#calls.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#calls[count - 1]!;
  }

  end(): void {
    this.#server.forceShutdown();
    rmSync(this.folder, { recursive: true });
  }
}

let root: Forged;
let other: Forged;
let ana: X509Identity;
let renewed: X509Identity;
beforeAll(async () => {
  root = await forge({ ca: true });
  other = await forge({ ca: true, name: 'CN=other', uris: ['spiffe://other.example'] });
  ana = await identity('ana', root);
  renewed = await identity('ana', root);
});

interface Sent {
  readonly svid?: X509Identity;
  readonly bundle?: Buffer;
  readonly hint?: string;
}
const entry = ({ svid = ana, bundle = root.der, hint = '' }: Sent) => ({
  spiffeId: svid.spiffeId,
  x509Svid: Buffer.concat(svid.chain),
  x509SvidKey: svid.key.export({ format: 'der', type: 'pkcs8' }),
  bundle,
  hint,
});
const message = (sent: readonly Sent[], federated: Record<string, Buffer> = {}): Buffer =>
  Buffer.from(toBinary(X509SVIDResponseSchema, create(X509SVIDResponseSchema, { svids: sent.map(entry), federatedBundles: federated })));
const told = (sent: readonly Sent[], federated: Record<string, Buffer> = {}): X509SVIDResponse =>
  create(X509SVIDResponseSchema, { svids: sent.map(entry), federatedBundles: federated });

const fail = (call: Call, code: number): void => void call.emit('error', { code, details: 'told so', metadata: new Metadata() });

let api: ToldApi;
let clock: ToldClock;
let source: WorkloadSource | undefined;
let problems: { code: string; final: boolean }[];
let heard: () => void;
beforeEach(async () => {
  api = new ToldApi();
  await api.start();
  clock = new ToldClock();
  problems = [];
  heard = () => undefined;
});
afterEach(() => {
  source?.close();
  api.end();
});

const options = (more: WorkloadSourceOptions = {}): WorkloadSourceOptions => ({
  socket: api.socket,
  follow: ['identity'],
  onProblem: ({ code }: MandateError, final) => {
    problems.push({ code, final });
    heard();
  },
  ...more,
});

async function opened(): Promise<WorkloadSource> {
  api.answer = (call) => void call.write(message([{}]));
  source = await WorkloadSource.open(options(), { clock, random: middle });
  api.answer = () => undefined;
  source.watch(() => heard());
  return source;
}

/** Resolves when the source has changed or reported a problem after `act`. */
const after = (act: () => unknown): Promise<void> =>
  new Promise((resolve) => {
    heard = resolve;
    act();
  });

/** The pause before the stream is opened again has passed. Where none was begun, there is nothing to wait for. */
function paused(): void {
  const pauseMs = clock.nextMs ?? Infinity;
  expect(pauseMs).toBeLessThan(60_000);
  clock.pass(pauseMs);
}

test('WL-03, WL-71: each message is the whole state', async () => {
  api.answer = (call) => void call.write(message([{}], { 'spiffe://other.example': other.der }));
  source = await WorkloadSource.open(options(), { clock, random: middle });
  expect(source.svid().spiffeId).toBe(idOf('ana'));
  expect(source.bundleOf('other.example', 'x509').roots).toHaveLength(1);
  source.watch(() => heard());
  const call = await api.call(1);
  await after(() => call.write(message([{ svid: renewed }])));
  expect(source.svid().chain).toEqual(renewed.chain);
  expect(() => source!.bundleOf('other.example', 'x509')).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
  expect(() => source!.bundleOf(DOMAIN, 'jwt')).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

test('WL-72: a message with a mandatory part empty is reported, and the state before stays', async () => {
  await opened();
  const call = await api.call(1);
  await after(() => call.write(message([])));
  await after(() => call.write(message([{ bundle: Buffer.alloc(0) }])));
  expect(problems).toEqual([
    { code: 'E_NOT_VERIFIED', final: false },
    { code: 'E_NOT_VERIFIED', final: false },
  ]);
  expect(source!.svid().chain).toEqual(ana.chain);
  expect(source!.bundleOf(DOMAIN, 'x509').roots).toHaveLength(1);
  await after(() => call.write(message([{ svid: renewed }])));
  expect(source!.svid().chain).toEqual(renewed.chain);
});

test('WL-70: a stream that ends is opened again, with what was there served meanwhile, until it is too old', async () => {
  await opened();
  clock.pass(5000);
  const call = await api.call(1);
  await after(() => fail(call, GRPC.unavailable));
  expect(source!.stalenessMs('x509')).toBe(0);
  expect(source!.svid().chain).toEqual(ana.chain);
  expect(clock.nextMs).toBe(0); // it had lived: at once
  clock.pass(0);
  await after(async () => fail(await api.call(2), GRPC.unavailable));
  expect(clock.nextMs).toBeGreaterThan(100); // it had not: after a pause
  clock.wallMs += 3_600_001;
  expect(() => source!.bundleOf(DOMAIN, 'x509')).toThrow(expect.objectContaining({ code: 'E_BUNDLE_STALE' }));
  paused();
  const third = await api.call(3);
  await after(() => third.write(message([{ svid: renewed }])));
  expect(source!.bundleOf(DOMAIN, 'x509').roots).toHaveLength(1);
});

test('WL-10, WL-70: a stream that ends with OK is opened again as well', async () => {
  await opened();
  clock.pass(5000);
  const call = await api.call(1);
  await after(() => call.end());
  paused();
  await api.call(2);
});

test('WL-74: after PermissionDenied nothing that came is used any more, and it is asked again', async () => {
  await opened();
  const call = await api.call(1);
  await after(() => fail(call, GRPC.permissionDenied));
  expect(() => source!.svid()).toThrow(expect.objectContaining({ code: 'E_NO_RULE' }));
  expect(() => source!.bundleOf(DOMAIN, 'x509')).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
  paused();
  const again = await api.call(2);
  await after(() => again.write(message([{}])));
  expect(source!.svid().chain).toEqual(ana.chain);
});

test.each([GRPC.invalidArgument, GRPC.unimplemented])('WL-70: status %s is final', async (code) => {
  api.answer = (call) => fail(call, code);
  await expect(WorkloadSource.open(options(), { clock, random: middle })).rejects.toMatchObject({ name: 'MandateError' });
  expect(problems).toEqual([expect.objectContaining({ final: true })]);
  expect(api.calls).toBe(1);
});

test.each([GRPC.invalidArgument, GRPC.unimplemented])('WL-70: status %s is final for a stream that had begun, too', async (code) => {
  await opened();
  clock.pass(5000);
  const call = await api.call(1);
  await after(() => fail(call, code));
  expect(problems).toEqual([expect.objectContaining({ final: true })]);
  expect(clock.nextMs ?? Infinity).toBeGreaterThan(60_000);
});

test('opening tells the last problem when its time is over', async () => {
  api.answer = (call) => fail(call, GRPC.permissionDenied);
  const opening = WorkloadSource.open(options(), { clock, random: middle });
  const refused = expect(opening).rejects.toMatchObject({ code: 'E_NO_RULE' });
  await api.call(1);
  await new Promise<void>((resolve) => (problems.length > 0 ? resolve() : (heard = resolve)));
  clock.pass(30_000);
  await refused;
});

test('WL-46: JWT bundles serve JWTs only, with or without `use`', async () => {
  const key = {
    kty: 'EC',
    crv: 'P-256',
    kid: 'k',
    ...(await import('node:crypto')).generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  };
  const authority = { kty: 'EC', use: 'x509-svid', x5c: [root.der.toString('base64')] };
  const bundles = { [`spiffe://${DOMAIN}`]: Buffer.from(JSON.stringify({ keys: [key, authority] })) };
  api.answer = (call) => void call.write(Buffer.from(toBinary(JWTBundlesResponseSchema, create(JWTBundlesResponseSchema, { bundles }))));
  source = await WorkloadSource.open(options({ follow: ['jwt-bundles'] }), { clock, random: middle });
  expect(source.bundleOf(DOMAIN, 'jwt')).toMatchObject({ trustDomain: DOMAIN, roots: [], jwtKeys: [{ kid: 'k' }] });
  expect(() => source!.bundleOf(DOMAIN, 'x509')).toThrow();
});

test('WL-73: of two entries with one hint the first one counts', async () => {
  const bert = await identity('bert', root);
  const { identities } = x509StateOf(
    told([{ hint: 'a' }, { svid: bert, hint: 'a' }, { svid: renewed, hint: '' }, { svid: bert, hint: '' }]),
  );
  expect(identities.map(({ spiffeId, hint }) => [spiffeId, hint])).toEqual([
    [idOf('ana'), 'a'],
    [idOf('ana'), ''],
    [idOf('bert'), ''],
  ]);
});

test('WL-22, WL-24: an SVID whose name or key is not that of its certificate is refused', async () => {
  const bert = await identity('bert', root);
  expect(() => x509StateOf(told([{ svid: { ...ana, spiffeId: idOf('bert') } }]))).toThrow(
    expect.objectContaining({ code: 'E_NOT_VERIFIED' }),
  );
  expect(() => x509StateOf(told([{ svid: { ...ana, key: bert.key } }]))).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

test('WL-26: nobody else speaks for our own trust domain', () => {
  const { bundles } = x509StateOf(told([{}], { [`spiffe://${DOMAIN}`]: other.der }));
  expect(bundles.get(DOMAIN)!.roots[0]!.certificate.subject).toEqual(
    x509StateOf(told([{}])).bundles.get(DOMAIN)!.roots[0]!.certificate.subject,
  );
});

test.each<[string, string | undefined]>([
  ['unix:///run/x.sock', 'unix:/run/x.sock'],
  ['unix:/run/x.sock', 'unix:/run/x.sock'],
  ['tcp://127.0.0.1:8000', 'ipv4:127.0.0.1:8000'],
  ['tcp://[::1]:8000', 'ipv6:[::1]:8000'],
  ...[
    '',
    'unix',
    '/run/x.sock',
    'http://x',
    'blah',
    'unix://',
    'unix:///',
    'unix:run/x.sock',
    'unix://host/x.sock',
    'unix://u@/x.sock',
  ].map((bad) => [bad, undefined] as [string, undefined]),
  ...['unix:///x?y', 'unix:///x#y', 'unix:///%zz', 'unix:///a%00', 'tcp://127.0.0.1', 'tcp://localhost:8000', 'tcp://127.0.0.1:8000/'].map(
    (bad) => [bad, undefined] as [string, undefined],
  ),
  ...[
    'tcp://127.0.0.1:8000?q',
    'tcp://u:p@127.0.0.1:1',
    'tcp:127.0.0.1:1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://::1:1',
  ].map((bad) => [bad, undefined] as [string, undefined]),
])('WE-20, WE-21, WE-22: %s', (uri, target) => {
  if (target === undefined) expect(() => workloadTarget(uri)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  else expect(workloadTarget(uri)).toBe(target);
});
