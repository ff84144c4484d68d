import { connect as plainConnect, type Socket } from 'node:net';
import { Agent } from 'node:https';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import type { Bundle } from '../../src/domain/bundle';
import { serveDocuments } from '../../src/server/documents';
import { type HttpsListener, LISTENER_LIMITS, openHttps } from '../../src/server/https-listener';
import { publishedDocuments } from '../../src/server/published';
import { makeRoot } from '../authority/fixture';
import { get, type Got } from './get';
import { WebAuthority, type WebPair } from './web-authority';

const ISSUER = 'https://localhost/id';
const served: string[] = [];
let authority: WebAuthority;
let pair: WebPair;
let bundle: Bundle;
let listener: HttpsListener;

beforeAll(async () => {
  authority = await WebAuthority.make();
  pair = await authority.pair(['localhost']);
  bundle = {
    trustDomain: 'example.org',
    sequence: 7,
    refreshHintSeconds: 60,
    x509: [(await makeRoot()).der],
    jwt: [{ kid: 'k', point: generateAuthorityKey().point }],
  };
  const answer = serveDocuments({
    documents: publishedDocuments(() => bundle, ISSUER),
    headers: { 'strict-transport-security': 'max-age=1' },
    served: (document, status) => served.push(`${document} ${status}`),
  });
  listener = await openHttps({ address: '127.0.0.1', port: 0 }, pair, answer);
});
afterAll(() => listener.close());

const ask = (path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Got> =>
  get(`https://localhost:${listener.port}${path}`, authority.pem, { method, headers, family: 4 });

const handshake = (options: ConnectionOptions): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: listener.port, servername: 'localhost', ca: authority.pem, ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });

describe('documents', () => {
  test('FD-03, FD-04, FD-05: the newest bundle as JSON to whoever asks', async () => {
    const { status, headers, body } = await ask('/bundle');
    expect([status, headers['content-type'], JSON.parse(body).spiffe_sequence]).toEqual([200, 'application/json', 7]);
    const before = bundle;
    bundle = { ...bundle, sequence: 8 };
    expect(JSON.parse((await ask('/bundle?now')).body).spiffe_sequence).toBe(8);
    bundle = before;
  });

  test('TB-14: equal content, equal bytes', async () => {
    expect((await ask('/bundle')).body).toBe((await ask('/bundle')).body);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('FD-03: %s is not allowed, and says what is', async (method) => {
    const { status, headers } = await ask('/bundle', method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  test.each(['/', '/bundle/', '/Bundle', '//bundle', '/%62undle', '/.well-known/openid-configuration', '/id/jwks'])(
    'FD-03: %s is another path',
    async (path) => expect((await ask(path)).status).toBe(404),
  );

  test('HEAD answers as GET does, without the body', async () => {
    const [head, whole] = [await ask('/bundle', 'HEAD'), await ask('/bundle')];
    expect(head.body).toBe('');
    expect({ ...head.headers, date: '' }).toEqual({ ...whole.headers, date: '' });
    expect(Number(head.headers['content-length'])).toBe(Buffer.byteLength(whole.body));
  });

  test('FD-13: a copy is to be used for less than the hint, and is asked for by its tag', async () => {
    const { headers } = await ask('/bundle');
    expect(headers['cache-control']).toBe('max-age=15');
    const etag = headers.etag!;
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
      expect(await ask('/bundle', 'GET', { 'if-none-match': condition })).toMatchObject({ status: 304, body: '', headers: { etag } });
    for (const condition of ['"x"', '']) expect((await ask('/bundle', 'GET', { 'if-none-match': condition })).status).toBe(200);
  });

  test('OD-02, OD-09: discovery and keys are served below the path of the issuer, as JSON', async () => {
    const discovery = await ask('/id/.well-known/openid-configuration');
    expect([discovery.status, discovery.headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(discovery.body).issuer).toBe(ISSUER);
    const keys = await ask(new URL(JSON.parse(discovery.body).jwks_uri as string).pathname);
    expect([keys.status, keys.headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(keys.body).keys.map(({ kid }: { kid: string }) => kid)).toEqual(['k']);
  });

  test('OD-05: nothing of X.509 is among the keys', async () => {
    const { body } = await ask('/id/.well-known/jwks.json');
    expect(body).not.toMatch(/x5c|x509|svid|spiffe/);
    expect(JSON.parse(body).keys).toHaveLength(1);
  });

  test('every request is counted under a name of ours', async () => {
    served.length = 0;
    await ask('/bundle');
    await ask('/someone/else', 'POST');
    expect(served).toEqual(['bundle 200', 'none 404']);
  });
});

describe('TLS', () => {
  const offers: [string, ConnectionOptions][] = [
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA' }],
    ['no forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES256-GCM-SHA384' }],
  ];
  const alert = /alert (protocol version|handshake failure)/;

  test.each(offers)('FD-06: %s alone is refused', (_, options) => expect(handshake(options)).rejects.toThrow(alert));

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'FD-05, FD-06: %s is spoken, and no certificate of the caller is asked for',
    async (version) => {
      const socket = await handshake({ minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      expect(socket.getCipher().name).toMatch(/GCM|CHACHA20/);
      socket.destroy();
    },
  );

  test('FD-06: the same holds after the certificate was renewed', async () => {
    const next = await authority.pair(['localhost']);
    listener.renew(next);
    for (const [, options] of offers) await expect(handshake(options)).rejects.toThrow(alert);
    const socket = await handshake({});
    expect(next.certificatePem).toContain(socket.getPeerCertificate().raw.toString('base64').slice(0, 60));
    socket.destroy();
  });

  test('a caller cannot ask for another handshake', async () => {
    const socket = await handshake({ maxVersion: 'TLSv1.2' });
    await expect(
      new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('closed')));
        socket.renegotiate({}, (error) => (error ? reject(error) : resolve('renegotiated')));
      }),
    ).rejects.toThrow();
    socket.destroy();
  });
});

describe('bounds', () => {
  test('headers of more than 8 KiB are refused', async () => {
    expect((await ask('/bundle', 'GET', { x: 'x'.repeat(LISTENER_LIMITS.headerBytes) })).status).toBe(431);
  });

  test('a connection is over after so many requests', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.pem });
    const one = () => get(`https://localhost:${listener.port}/bundle`, authority.pem, { agent, method: 'HEAD', family: 4 });
    for (let i = 1; i < LISTENER_LIMITS.requestsPerConnection; i++) expect((await one()).headers.connection).toBe('keep-alive');
    expect((await one()).headers.connection).toBe('close');
    agent.destroy();
  });

  test('a request with a body ends its connection', async () => {
    expect(await ask('/bundle', 'GET', { 'content-length': '3' }).catch((error: Error) => error)).toMatchObject({
      headers: { connection: 'close' },
    });
  });

  test('one address has so many connections, and others after it gave some back', async () => {
    const open: Socket[] = [];
    const knock = () =>
      new Promise<'open' | 'closed'>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: listener.port, servername: 'localhost', ca: authority.pem });
        socket.once('secureConnect', () => {
          open.push(socket);
          resolve('open');
        });
        socket.once('error', () => resolve('closed'));
        socket.once('close', () => resolve('closed'));
      });
    const knocked = await Promise.all(Array.from({ length: LISTENER_LIMITS.connectionsPerAddress + 8 }, knock));
    expect(knocked.filter((state) => state === 'open')).toHaveLength(LISTENER_LIMITS.connectionsPerAddress);
    const ended = Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of open) socket.destroy();
    await ended;
    while ((await knock()) === 'closed');
    for (const socket of open) socket.destroy();
  });

  test('who is slow with a handshake, a header or an answer is not waited for', async () => {
    const closed = (socket: Socket) =>
      new Promise<void>((resolve) => {
        socket.on('error', () => undefined);
        socket.once('close', () => resolve());
        socket.resume();
      });
    const silent = plainConnect(listener.port, '127.0.0.1');
    const slow = await handshake({});
    slow.write('GET /bundle HTTP/1.1\r\nhost: localhost\r\n');
    const drip = setInterval(() => slow.writable && slow.write('x: y\r\n'), 1000);
    const idle = await handshake({});
    // Each of them is ended by the listener, or the test is by its limit.
    await Promise.all([closed(silent), closed(slow), closed(idle)]);
    clearInterval(drip);
  }, 60_000);
});
