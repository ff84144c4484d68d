import type { IncomingMessage } from 'node:http';
import { request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import type { MandateError } from '../../src/domain/errors';
import { allow } from '../../src/service/allow';
import { peerOf } from '../../src/service/peer';
import type { X509Identity } from '../../src/service/sources';
import { httpsAgent } from '../../src/service/tls-client';
import { contextOptions } from '../../src/service/tls-context';
import { httpsServer } from '../../src/service/tls-server';
import { NOW_MS } from '../authority/fixture';
import { forge, type Forged } from '../verify/forge';
import { bundleOf, HeldSource, identity, idOf, ToldClock } from './world';

const LIFE_MS = 60_000;

let root: Forged;
let stranger: Forged;
let between: Forged;
let service: X509Identity;
let ana: X509Identity;
beforeAll(async () => {
  root = await forge({ ca: true });
  stranger = await forge({ ca: true, name: 'CN=stranger' });
  between = await forge({ ca: true, name: 'CN=between', issuer: root, pathLength: 0 });
  service = await identity('service', root);
  ana = await identity('ana', root, { notAfterMs: NOW_MS + LIFE_MS });
});

let clock: ToldClock;
let source: HeldSource;
let server: Server;
let refusals: MandateError[];
/** What reached the application. */
let heard: { peer: string; resumed: boolean }[];
const open = new Set<TLSSocket>();

beforeEach(async () => {
  clock = new ToldClock();
  source = new HeldSource(clock, service, bundleOf(root));
  await serve();
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(outliveSvid = false): Promise<void> {
  refusals = [];
  heard = [];
  const onRefused = (why: MandateError): void => void refusals.push(why);
  server = httpsServer({ source, clients: allow({ id: idOf('ana') }), onRefused, outliveSvid }, (asked, answer) => {
    heard.push({ peer: peerOf(asked).spiffeId, resumed: (asked.socket as TLSSocket).isSessionReused() });
    answer.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

const port = (): number => (server.address() as AddressInfo).port;

interface Visit {
  readonly session: Buffer | undefined;
  readonly resumed: boolean;
  /** Empty where the server closed without a word. */
  readonly answer: string;
}

/** One connection of a plain TLS client, which asks at once, before it could know whether it was let in, and resumes where it has a session. */
function visit(as: X509Identity | undefined, version: SecureVersion, session?: Buffer): Promise<Visit> {
  return new Promise((resolve) => {
    const socket = connect({
      ...contextOptions(as),
      port: port(),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: version,
      minVersion: version,
      ...(session && { session }),
    });
    let latest: Buffer | undefined;
    let resumed = false;
    let answer = '';
    socket.on('session', (ticket: Buffer) => (latest = ticket));
    socket.once('secureConnect', () => {
      resumed = socket.isSessionReused();
      socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    });
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve({ session: latest ?? session, resumed, answer: answer.split('\r\n', 1)[0]! }));
  });
}

const OK = 'HTTP/1.1 200 OK';

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('a session of %s', (version) => {
  test('is resumed while the SVID holds', async () => {
    const first = await visit(ana, version);
    expect(first).toMatchObject({ resumed: false, answer: OK });
    expect(await visit(ana, version, first.session)).toMatchObject({ resumed: true, answer: OK });
    expect(heard).toEqual([
      { peer: idOf('ana'), resumed: false },
      { peer: idOf('ana'), resumed: true },
    ]);
  });

  test('NT-12: that is resumed with an SVID that has expired since is refused before the application', async () => {
    const { session } = await visit(ana, version);
    clock.pass(LIFE_MS + 1);
    expect(await visit(ana, version, session)).toMatchObject({ resumed: true, answer: '' });
    expect(heard).toHaveLength(1);
    expect(refusals).toContainEqual(expect.objectContaining({ code: 'E_NOT_VERIFIED', explanation: { why: 'the leaf has expired' } }));
  });

  test('NT-12: that is resumed after its authority left the bundle is refused', async () => {
    const { session } = await visit(ana, version);
    source.bundle = bundleOf(stranger); // nobody was told, so the ticket keys are still those of before
    expect(await visit(ana, version, session)).toMatchObject({ resumed: true, answer: '' });
    expect(heard).toHaveLength(1);
  });

  test('is not resumed after a rotation or a change of the bundle', async () => {
    const { session } = await visit(ana, version);
    source.changed();
    expect(await visit(ana, version, session)).toMatchObject({ resumed: false, answer: OK });
  });

  test('is resumed under an intermediate, which the ticket does not keep', async () => {
    const below = await identity('ana', between, { issuerName: 'CN=between', notAfterMs: NOW_MS + LIFE_MS }, between);
    const first = await visit(below, version);
    expect(first.answer).toBe(OK);
    expect(await visit(below, version, first.session)).toMatchObject({ resumed: true, answer: OK });
    clock.pass(LIFE_MS + 1);
    expect(await visit(below, version, first.session)).toMatchObject({ resumed: true, answer: '' });
  });
});

test.each<[string, () => Promise<X509Identity | undefined>]>([
  ['who shows no certificate', () => Promise.resolve(undefined)],
  ['who is another one of the trust domain', () => identity('bert', root)],
  ['XV-33: who has an SVID of a foreign authority', () => identity('ana', stranger)],
  ['XV-24: who has an SVID that has expired', () => identity('ana', root, { notAfterMs: NOW_MS - 1 })],
  ['XV-06, XV-34: who is of a trust domain without a bundle', () => identity('ana', root, { uris: ['spiffe://other.example/agent/ana'] })],
  ['XV-04: who has two names', () => identity('ana', root, { uris: [idOf('ana'), idOf('bert')] })],
  ['XV-02: who is an authority', () => identity('ana', root, { ca: true })],
])('%s is refused, and nothing of what he wrote is read', async (_who, made) => {
  expect((await visit(await made(), 'TLSv1.3')).answer).toBe('');
  expect(heard).toEqual([]);
  expect(refusals).toHaveLength(1);
});

test('a server without an SVID finishes no handshake', async () => {
  source.identity = undefined;
  source.changed();
  expect(await visit(ana, 'TLSv1.3')).toMatchObject({ answer: '', session: undefined });
  expect(heard).toEqual([]);
});

/** One request by our agent: its answer, or the code it was refused with. */
function ask(as: HeldSource, wanted: string, agent = httpsAgent({ source: as, server: allow({ id: wanted }) })): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port: port(), agent }, (response: IncomingMessage) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(body));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}

test('our agent reaches the server it means, and no other', async () => {
  const client = new HeldSource(clock, ana, bundleOf(root));
  expect(await ask(client, idOf('service'))).toBe('hello');
  expect(await ask(client, idOf('other'))).toBe('E_PEER_NOT_ALLOWED');
  expect(await ask(new HeldSource(clock, ana, bundleOf(stranger)), idOf('service'))).toBe('E_NOT_VERIFIED');
  expect(heard).toHaveLength(1);
});

test('a new handshake sees the new SVID; an open connection lives on', async () => {
  const client = new HeldSource(clock, ana, bundleOf(root));
  const agent = httpsAgent(
    { source: client, server: allow({ id: [idOf('service'), idOf('renewed')] }) },
    { keepAlive: true, maxSockets: 1 },
  );
  expect(await ask(client, '', agent)).toBe('hello');
  const [kept] = Object.values(agent.freeSockets)[0]!;
  source.identity = await identity('renewed', root);
  source.changed();
  expect(await ask(client, '', agent)).toBe('hello');
  expect(peerOf(kept!).spiffeId).toBe(idOf('service'));
  expect(Object.values(agent.freeSockets)[0]).toEqual([kept]);
  expect(await ask(client, idOf('renewed'))).toBe('hello');
  agent.destroy();
});

/** A connection of a client that keeps it open. */
async function held(as: X509Identity): Promise<{ readonly closed: Promise<void>; readonly socket: TLSSocket }> {
  const socket = connect({ ...contextOptions(as), port: port(), host: '127.0.0.1', rejectUnauthorized: false });
  open.add(socket);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  return { closed, socket };
}

test('an open connection ends when the SVID of its peer expires', async () => {
  const { closed } = await held(ana);
  clock.pass(LIFE_MS + 1);
  await closed;
  expect(refusals).toEqual([
    expect.objectContaining({ explanation: expect.objectContaining({ why: 'the SVID of an open connection has expired' }) }),
  ]);
});

test('an open connection ends when its authority leaves the bundle, and not when another one comes', async () => {
  const { closed, socket } = await held(ana);
  source.bundle = bundleOf(root, stranger);
  source.changed();
  expect(socket.destroyed).toBe(false);
  expect(refusals).toEqual([]);
  source.bundle = bundleOf(stranger);
  source.changed();
  await closed;
  expect(refusals).toEqual([expect.objectContaining({ code: 'E_NOT_VERIFIED' })]);
});

test('a request over the last third of an SVID is answered, and asks for a new connection', async () => {
  const { socket, closed } = await held(ana);
  clock.pass(LIFE_MS * 0.7);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString().toLowerCase()));
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await closed;
  expect(answer).toContain('connection: close');
  expect(answer).toContain('hello');
  expect(refusals).toEqual([]);
});
