import { gzipSync } from 'node:zlib';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { MAX_FOREIGN_BYTES } from '../../src/domain/federation';
import { MandateError } from '../../src/domain/errors';
import type { Clock } from '../../src/domain/ports';
import { type EndpointProof, fetchForeignBundle } from '../../src/server/foreign-endpoint';
import { systemClock } from '../../src/system/clock';
import { readForeignBundle } from '../../src/verify/foreign-bundle';
import type { Forged } from '../verify/forge';
import { type Answer, bundleText, forgeNow, identityOf, type Identity, json, PartnerServer, webIdentity } from './partner-server';

const ID = 'spiffe://example.org/endpoint';
let root: Forged;
let proof: EndpointProof;
let svid: Identity;
let servers: { close(): Promise<unknown> }[] = [];
beforeAll(async () => {
  root = await forgeNow({ ca: true });
  proof = proofBy(root);
  svid = identityOf(await forgeNow({ issuer: root, uris: [ID] }));
});
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
});

const proofBy = (...roots: Forged[]): EndpointProof => ({
  profile: 'https_spiffe',
  id: ID,
  trust: readForeignBundle(Buffer.from(bundleText(roots)), 'example.org', 'document').trust,
});

async function serve(identity: Identity, answer: Answer = json('{}'), options = {}): Promise<PartnerServer> {
  const server = await PartnerServer.start(identity, answer, options);
  servers.push(server);
  return server;
}

/** URL of something on TCP that does not speak TLS. */
async function listen(met: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    met(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** How it failed: code and reason. */
const failure = (fetched: Promise<Buffer>): Promise<[string, string]> =>
  fetched.then(
    (body) => ['fetched', body.toString()] as [string, string],
    (error: MandateError) => [error.code, error.explanation.why ?? ''] as [string, string],
  );

describe('FD-25: who answers is known by its X509-SVID', () => {
  test('whatever its host name is', async () => {
    const { url, requests } = await serve(svid, json('{"keys":[]}'));
    expect((await fetchForeignBundle(url, proof, systemClock)).toString()).toBe('{"keys":[]}');
    expect(requests[0]!.headers).toEqual({
      accept: 'application/json',
      'accept-encoding': 'identity',
      host: expect.any(String),
      connection: 'close',
    });
  });

  test('by an intermediate that it sends along', async () => {
    const between = await forgeNow({ ca: true, name: 'CN=between', issuer: root });
    const { url } = await serve(identityOf(await forgeNow({ issuer: between, uris: [ID] }), between));
    expect((await fetchForeignBundle(url, proof, systemClock)).toString()).toBe('{}');
  });

  const strangers: Record<string, () => Promise<Identity>> = {
    'another ID of the trust domain': async () => identityOf(await forgeNow({ issuer: root, uris: ['spiffe://example.org/other'] })),
    'the ID under another root of that name': async () => identityOf(await forgeNow({ issuer: await forgeNow({ ca: true }), uris: [ID] })),
    'an ID of another trust domain': async () => identityOf(await forgeNow({ issuer: root, uris: ['spiffe://example.com/endpoint'] })),
    'no ID': async () => identityOf(await forgeNow({ issuer: root, uris: [], dns: ['localhost'] })),
    'two IDs': async () => identityOf(await forgeNow({ issuer: root, uris: [ID, 'spiffe://example.org/other'] })),
    'the ID in an authority': async () => identityOf(await forgeNow({ issuer: root, ca: true, name: 'CN=x', uris: [ID] })),
    'the root itself': async () => identityOf(root),
    'an expired SVID': async () =>
      identityOf(await forgeNow({ issuer: root, uris: [ID], notBeforeMs: Date.now() - 2e6, notAfterMs: Date.now() - 1e6 })),
    'an SVID of tomorrow': async () => identityOf(await forgeNow({ issuer: root, uris: [ID], notBeforeMs: Date.now() + 1e6 })),
    'one that signed itself': async () => identityOf(await forgeNow({ name: 'CN=self', uris: [ID] })),
    'a key that may not sign': async () => identityOf(await forgeNow({ issuer: root, uris: [ID], usage: 0x20 })),
  };
  test.each(Object.entries(strangers))('%s: refused before anything is asked', async (_what, identity) => {
    const { url, requests } = await serve(await identity());
    expect((await failure(fetchForeignBundle(url, proof, systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
    expect(requests).toEqual([]);
  });

  test('NT-12: at every connection anew, also where the session could go on', async () => {
    const { url, requests } = await serve(svid);
    await fetchForeignBundle(url, proof, systemClock);
    expect((await failure(fetchForeignBundle(url, proofBy(await forgeNow({ ca: true })), systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
    expect(requests).toHaveLength(1);
  });

  test('XV-08: by a bundle without X.509 authorities nobody is known', async () => {
    expect(() => fetchForeignBundle('https://localhost:1/', proofBy(), systemClock)).toThrow(MandateError);
  });

  test('TLS 1.1 is not spoken', async () => {
    const { url } = await serve(svid, undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    expect((await failure(fetchForeignBundle(url, proof, systemClock)))[0]).toBe('E_FEDERATION_UNREACHABLE');
  });
});

describe('FD-24: by the Web PKI and the name in the URL', () => {
  test('an authority that was given stands for all others', async () => {
    const { ca, identity } = await webIdentity(['localhost']);
    const { url } = await serve(identity);
    expect((await fetchForeignBundle(url, { profile: 'https_web', ca }, systemClock)).toString()).toBe('{}');
    expect((await failure(fetchForeignBundle(url, { profile: 'https_web', ca: null }, systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
    const other = await webIdentity(['localhost']);
    expect((await failure(fetchForeignBundle(url, { profile: 'https_web', ca: other.ca }, systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
  });

  test.each([
    ['another name', ['other.example']],
    ['a name in the subject alone', []],
  ])('%s: refused', async (_what, dns) => {
    const { ca, identity } = await webIdentity(dns);
    const { url, requests } = await serve(identity);
    expect((await failure(fetchForeignBundle(url, { profile: 'https_web', ca }, systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
    expect(requests).toEqual([]);
  });

  test('FD-26: an SVID does not do', async () => {
    const { url } = await serve(svid);
    expect((await failure(fetchForeignBundle(url, { profile: 'https_web', ca: null }, systemClock)))[0]).toBe('E_FEDERATION_ENDPOINT');
  });
});

describe('FD-30, FD-39: what is no whole answer of bounded size is none', () => {
  const drip: Answer = (_request, response) => void response.writeHead(200).write('{');
  const answers: Record<string, readonly [Answer, RegExp]> = {
    'a redirect': [(_r, response) => void response.writeHead(302, { location: 'https://localhost:1/' }).end(), /^status 302: redirects/],
    'a redirect for good': [
      (_r, response) => void response.writeHead(308, { location: 'http://localhost/' }).end(),
      /^status 308: redirects/,
    ],
    'status 304': [(_r, response) => void response.writeHead(304).end(), /^status 304/],
    'status 204': [(_r, response) => void response.writeHead(204).end(), /^status 204$/],
    'status 404': [(_r, response) => void response.writeHead(404).end('{"keys":[]}'), /^status 404$/],
    'status 500': [(_r, response) => void response.writeHead(500).end('{"keys":[]}'), /^status 500$/],
    'a compressed answer': [
      (_r, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
      /^a compressed answer/,
    ],
    'a size that is too large': [
      (_r, response) => void response.writeHead(200, { 'content-length': MAX_FOREIGN_BYTES + 1 }).write('{'),
      /256 KiB$/,
    ],
    'more than it said, without an end': [(_r, response) => endless(response.writeHead(200)), /256 KiB$/],
    'an answer that breaks off': [
      (_r, response) => void response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy()),
      /^ECONNRESET$/,
    ],
    'a chunk that breaks off': [(_r, response) => void response.writeHead(200).write('{', () => response.destroy()), /^ECONNRESET$/],
    'headers without an end': [(_r, response) => void response.writeHead(200, { x: 'x'.repeat(100_000) }).end(), /^HPE_HEADER_OVERFLOW$/],
    'another protocol': [
      ({ socket }) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      /^(the connection ended|ECONNRESET)$/,
    ],
    'no HTTP': [({ socket }) => void socket.end('220 hello\r\n'), /^HPE_INVALID/],
    nothing: [({ socket }) => void socket.destroy(), /^ECONNRESET$/],
  };
  function endless(response: import('node:http').ServerResponse): void {
    const chunk = Buffer.alloc(64 * 1024, ' ');
    const more = (): void => void (response.destroyed || response.write(chunk, (error) => error ?? more()));
    more();
  }

  test.each(Object.entries(answers))('%s', async (_what, [answer, why]) => {
    const { url, requests } = await serve(svid, answer);
    expect(await failure(fetchForeignBundle(url, proof, systemClock))).toEqual(['E_FEDERATION_UNREACHABLE', expect.stringMatching(why)]);
    expect(requests).toHaveLength(1);
  });

  test('a drip ends when its time is over, and so does a handshake that never begins', async () => {
    const { url } = await serve(svid, drip);
    for (const address of [url, await listen(() => undefined)]) {
      const clock = new StoppedClock();
      const fetched = failure(fetchForeignBundle(address, proof, clock));
      clock.expire();
      expect(await fetched).toEqual(['E_FEDERATION_UNREACHABLE', 'no whole answer within 10 seconds']);
    }
  });

  test('a cookie is not kept', async () => {
    const { url, requests } = await serve(svid, (_r, response) => void response.writeHead(200, { 'set-cookie': 'a=b' }).end('{}'));
    await fetchForeignBundle(url, proof, systemClock);
    await fetchForeignBundle(url, proof, systemClock);
    expect(requests.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
  });

  test.each([
    ['nobody listens', 'https://127.0.0.1:1/', 'ECONNREFUSED'],
    ['a name that is none', 'https://nothing.invalid/', /^(ENOTFOUND|EAI_AGAIN)$/],
  ])('%s', async (_what, url, why) => {
    expect(await failure(fetchForeignBundle(url, proof, systemClock))).toEqual(['E_FEDERATION_UNREACHABLE', expect.stringMatching(why)]);
  });

  test('something that is not TLS', async () => {
    const url = await listen((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n{}'));
    const [code] = await failure(fetchForeignBundle(url, proof, systemClock));
    expect(code).toBe('E_FEDERATION_UNREACHABLE');
  });
});

/** Its deadlines fall due when a test says so. */
class StoppedClock implements Clock {
  readonly #due = new Set<() => void>();
  nowMs = () => systemClock.nowMs();
  monotonicMs = () => 0;
  after(_delayMs: number, run: () => void): () => void {
    this.#due.add(run);
    return () => this.#due.delete(run);
  }
  expire(): void {
    for (const run of this.#due) run();
  }
}
