import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { MandateError } from '../../src/domain/errors';
import { pem } from '../../src/domain/pem';
import { EndpointSource, type EndpointProfile, type EndpointSourceOptions } from '../../src/service/endpoint-source';
import { contextOptions } from '../../src/service/tls-context';
import type { X509Identity } from '../../src/service/sources';
import { DAY_MS, NOW_MS } from '../authority/fixture';
import { forge, type Forged } from '../verify/forge';
import { DOMAIN, identity, idOf, middle, ToldClock } from './world';

const certificate = (root: Forged): object => ({ use: 'x509-svid', kty: 'EC', x5c: [root.der.toString('base64')] });
const document = (roots: readonly Forged[], more: object = {}): string => JSON.stringify({ keys: roots.map(certificate), ...more });

let root: Forged;
let next: Forged;
let endpoint: X509Identity;
beforeAll(async () => {
  root = await forge({ ca: true });
  next = await forge({ ca: true, name: 'CN=next' });
  // Outlives every poll: what falls due next is always the poll, and not the end of a certificate.
  endpoint = await identity('endpoint', root, { notAfterMs: NOW_MS + DAY_MS });
});

let clock: ToldClock;
let server: Server;
let source: EndpointSource | undefined;
let asked: { url: string; headers: NodeJS.Dict<string | string[]> }[];
let problems: MandateError[];
/** What the endpoint answers with from now on. */
let answer: RequestListener;
let settled: () => void;

beforeEach(async () => {
  clock = new ToldClock();
  asked = [];
  problems = [];
  settled = () => undefined;
  answer = (_request, response) => void response.end(document([root]));
  server = createServer(contextOptions(endpoint), (request, response) => {
    asked.push({ url: request.url!, headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  source?.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const url = (): string => `https://127.0.0.1:${(server.address() as AddressInfo).port}/bundle?a=1`;
const spiffe = (bundleRoot = root, endpointId = idOf('endpoint')): EndpointProfile => ({
  kind: 'https_spiffe',
  endpointId,
  endpointBundle: Buffer.from(pem('CERTIFICATE', bundleRoot.der)),
});

async function opened(more: Partial<EndpointSourceOptions> = {}): Promise<EndpointSource> {
  source = await EndpointSource.open(
    {
      trustDomain: DOMAIN,
      url: url(),
      profile: spiffe(),
      onProblem: (problem) => {
        problems.push(problem);
        settled();
      },
      ...more,
    },
    { clock, random: middle },
  );
  source.watch(() => settled());
  return source;
}

/** Lets the next poll happen, and waits until it has changed or reported something. */
function polled(): Promise<void> {
  return new Promise((resolve) => {
    settled = resolve;
    clock.pass(clock.nextMs!);
  });
}

const roots = (): number => source!.bundleOf(DOMAIN, 'x509').roots.length;
const whys = (): unknown[] => problems.map(({ explanation }) => explanation.why);

test('FD-25, FD-28: fetches the bundle from an endpoint that shows the configured SVID, and again by its hint', async () => {
  answer = (_request, response) => void response.end(document([root], { spiffe_refresh_hint: 60 }));
  await opened();
  expect(roots()).toBe(1);
  expect(asked).toEqual([
    { url: '/bundle?a=1', headers: { accept: 'application/json', host: expect.any(String), connection: expect.any(String) } },
  ]);
  expect(clock.nextMs).toBeCloseTo(60_000, -3);
  answer = (_request, response) => void response.end(document([root, next]));
  await polled();
  expect(roots()).toBe(2);
  expect(clock.nextMs).toBeCloseTo(300_000, -3); // FD-28: no hint
  expect(() => source!.bundleOf('other.example', 'x509')).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

test('FD-22: a self-serving endpoint is checked with the bundle fetched last, no longer with the first one', async () => {
  answer = (_request, response) => void response.end(document([next]));
  await opened();
  server.setSecureContext(contextOptions(await identity('endpoint', next, { notAfterMs: NOW_MS + DAY_MS })));
  await polled();
  expect(problems).toEqual([]);
  server.setSecureContext(contextOptions(endpoint));
  await polled();
  expect(problems).toHaveLength(1);
  expect(asked).toHaveLength(2);
});

test.each<[string, () => Promise<Partial<EndpointSourceOptions>>]>([
  ['FD-25: with another SPIFFE ID', async () => ({ profile: spiffe(root, idOf('somebody')) })],
  ['FD-25: under another authority', async () => ({ profile: spiffe(next) })],
  ['FD-26: as https_web, where its certificate is no web certificate', async () => ({ profile: { kind: 'https_web' } })],
  [
    'FD-24: as https_web, with a certificate that does not name the host',
    async () => ({ profile: { kind: 'https_web', ca: pem('CERTIFICATE', root.der) } }),
  ],
])('%s, an endpoint is asked nothing, and its trust domain is refused as stale', async (_what, more) => {
  await opened(await more());
  expect(asked).toEqual([]);
  expect(problems).toHaveLength(1);
  expect(() => roots()).toThrow(expect.objectContaining({ code: 'E_BUNDLE_STALE' }));
});

test.each<[string, RequestListener]>([
  ['FD-30: an error', (_request, response) => void response.writeHead(500).end(document([next]))],
  ['FD-30: nothing', (_request, response) => void response.end()],
  ['FD-30: a page', (_request, response) => void response.end('<html></html>')],
  ['FD-30: half of it', (_request, response) => void response.end(document([next]).slice(0, -5))],
  ['TB-20: no keys', (_request, response) => void response.end('{}')],
  ['TB-28: a sequence that is text', (_request, response) => void response.end(document([next], { spiffe_sequence: '7' }))],
  ['TB-28: a negative sequence', (_request, response) => void response.end(document([next], { spiffe_sequence: -1 }))],
  ['TB-29: a lower sequence', (_request, response) => void response.end(document([next, root], { spiffe_sequence: 4 }))],
  [
    'FD-27: a redirect, which is not followed',
    (_request, response) => void response.writeHead(302, { location: '/other' }).end(document([next])),
  ],
  ['FD-39, TB-31: ten megabytes', (_request, response) => void response.end(Buffer.alloc(10 * 1024 * 1024, ' '))],
  [
    'FD-30: a connection that is cut',
    (_request, response) => {
      response.writeHead(200, { 'content-length': 999 }).flushHeaders();
      response.destroy();
    },
  ],
])('%s in place of a bundle leaves the last one, which grows older', async (_what, hostile) => {
  answer = (_request, response) => void response.end(document([root], { spiffe_sequence: 5 }));
  await opened();
  answer = hostile;
  await polled();
  expect(problems).toHaveLength(1);
  expect(asked).toHaveLength(2);
  expect(roots()).toBe(1);
  expect(source!.stalenessMs()).toBeGreaterThan(0);
  clock.wallMs += 3_600_000;
  expect(() => roots()).toThrow(expect.objectContaining({ code: 'E_BUNDLE_STALE' }));
});

test('FD-39: an endpoint that drips is given up after ten seconds', async () => {
  answer = (_request, response) => void response.write('{');
  const opening = opened();
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(clock.nextMs).toBe(10_000);
  clock.pass(10_000);
  await opening;
  expect(whys()).toEqual(['the bundle endpoint did not answer in time']);
});

test('TB-25: a document without usable keys revokes everything', async () => {
  await opened();
  answer = (_request, response) => void response.end(document([]));
  await polled();
  expect(roots()).toBe(0);
});

test('FD-39: no cookie comes back', async () => {
  answer = (_request, response) => void response.setHeader('set-cookie', 'a=b').end(document([root]));
  await opened();
  await polled();
  expect(asked[1]!.headers['cookie']).toBeUndefined();
});

test.each<[string, () => Partial<EndpointSourceOptions>]>([
  ['FD-02: http', () => ({ url: 'http://example.org/' })],
  ['FD-02: user information', () => ({ url: 'https://u@example.org/' })],
  ['FD-02: user information that is empty', () => ({ url: 'https://@example.org/' })],
  ['an address that is none', () => ({ url: 'https://' })],
  ['FD-21: an endpoint that is a trust domain', () => ({ profile: spiffe(root, 'spiffe://example.org') })],
  ['FD-20: no trust domain', () => ({ trustDomain: '' })],
])('%s is no configuration', async (_what, more) => {
  const options: EndpointSourceOptions = { trustDomain: DOMAIN, url: 'https://localhost/', profile: { kind: 'https_web' }, ...more() };
  await expect(EndpointSource.open(options, { clock, random: middle })).rejects.toMatchObject({
    code: expect.stringMatching(/^E_(CONFIG|REQUEST)$/),
  });
  expect(clock.nowMs()).toBe(NOW_MS);
});
