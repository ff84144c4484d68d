import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openJwtAuthority } from '../../src/authority/jwt-authority';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { localKey } from '../../src/authority/signing-key';
import { jwkSetJson } from '../../src/domain/bundle';
import { MandateError } from '../../src/domain/errors';
import type { JwtPlan } from '../../src/domain/issuance';
import { p256Spki, p256Thumbprint } from '../../src/domain/p256';
import { allow } from '../../src/service/allow';
import type { JwtChecking } from '../../src/service/jwt-check';
import { type FastifyReplyLike, jwtHook, jwtMiddleware } from '../../src/service/jwt-middleware';
import { type Peer, peerOf } from '../../src/service/peer';
import { MemoryReplays } from '../../src/service/replays';
import { parseBundle } from '../../src/verify/trust-bundle';
import { DAY_MS, jwtPlan, NOW_MS } from '../authority/fixture';
import { DOMAIN, HeldSource, idOf, ToldClock } from './world';

const pair = generateAuthorityKey();
const kid = p256Thumbprint(pair.point);
const row = { kind: 'jwt' as const, keyId: kid, public: p256Spki(pair.point), notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
const { signer } = openJwtAuthority(row, localKey(pair.key));
const document = jwkSetJson({ trustDomain: DOMAIN, sequence: 1, refreshHintSeconds: 60, x509: [], jwt: [{ kid, point: pair.point }] });
const token = async (changes: Partial<JwtPlan> = {}): Promise<string> =>
  (await signer.sign(jwtPlan(kid, { audience: ['me'], ...changes }))).toString('latin1');

let clock: ToldClock;
let source: HeldSource;
let refusals: MandateError[];
let server: Server | undefined;
beforeEach(() => {
  clock = new ToldClock();
  source = new HeldSource(clock, undefined, parseBundle(Buffer.from(document), DOMAIN));
  refusals = [];
});
afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

interface Answered {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly body: string;
}

const checking = (more: Partial<JwtChecking> = {}): JwtChecking => ({
  source,
  audience: 'me',
  clients: allow({ id: idOf('ana') }),
  onRefused: (why) => refusals.push(why),
  ...more,
});

/** Asks a server with the middleware; `authorization` are the headers of that name, in order. */
async function ask(authorization: readonly string[], more: Partial<JwtChecking> = {}): Promise<Answered & { peer: Peer | undefined }> {
  const middleware = jwtMiddleware(checking(more));
  let peer: Peer | undefined;
  server?.close();
  server = createServer((asked, answer) =>
    middleware(asked, answer, () => {
      peer = peerOf(asked);
      answer.end('in');
    }),
  );
  const { port } = await new Promise<AddressInfo>((resolve) =>
    server!.listen(0, '127.0.0.1', () => resolve(server!.address() as AddressInfo)),
  );
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        port,
        host: '127.0.0.1',
        agent: false,
        headers: ['host', 'x', ...authorization.flatMap((value) => ['Authorization', value])] as never,
      },
      (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, challenge: answer.headers['www-authenticate'], body: body.trim(), peer }),
        );
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

test('JS-18: lets in who shows a JWT-SVID for this audience, and says who it is and on whose behalf', async () => {
  const { status, body, peer } = await ask([`Bearer ${await token()}`]);
  expect([status, body]).toEqual([200, 'in']);
  expect(peer).toMatchObject({
    kind: 'jwt-svid',
    spiffeId: idOf('ana'),
    lineage: { given: 'launched', assurance: { process: 'measured' } },
  });
  expect((await ask([`bearer  ${await token()}`])).status).toBe(200);
});

const INVALID = { status: 401, challenge: 'Bearer error="invalid_token"', body: 'the token is not accepted here', peer: undefined };
const ABSENT = { status: 401, challenge: 'Bearer', body: 'a JWT-SVID is needed', peer: undefined };

test.each<[string, () => Promise<string[]>, object, string]>([
  ['nothing', async () => [], ABSENT, 'no bearer token'],
  ['another scheme', async () => ['Basic YTpi'], ABSENT, 'no bearer token'],
  ['a scheme without a token', async () => ['Bearer'], ABSENT, 'no bearer token'],
  ['two tokens in one header', async () => [`Bearer ${await token()}, Bearer ${await token()}`], ABSENT, 'no bearer token'],
  ['two headers', async () => [`Bearer ${await token()}`, `Bearer ${await token()}`], INVALID, 'two Authorization headers'],
  ['JV-02: no token', async () => ['Bearer abc'], INVALID, 'not a JWT-SVID'],
  ['something very long', async () => [`Bearer ${'a'.repeat(15_000)}.b.c`], INVALID, 'not a JWT-SVID'],
  [
    'JV-10: a token for another audience',
    async () => [`Bearer ${await token({ audience: ['you'] })}`],
    INVALID,
    'meant for another audience',
  ],
  ['JV-11: an expired token', async () => [`Bearer ${await token({ notAfterMs: NOW_MS - 1000 })}`], INVALID, 'expired'],
  ['JV-14: a changed token', async () => [`Bearer ${(await token()).slice(0, -8)}AAAAAAAA`], INVALID, 'signature does not verify'],
  [
    'JV-07: a token of an unknown trust domain',
    async () => [`Bearer ${await token({ spiffeId: 'spiffe://other.org/x' })}`],
    INVALID,
    'no bundle of its trust domain',
  ],
])('%s: who shows it is turned away without a reason; the service is told it', async (_what, shown, answer, why) => {
  expect(await ask(await shown())).toEqual(answer);
  expect(refusals).toEqual([expect.objectContaining({ explanation: expect.objectContaining({ why }) })]);
});

test('a verified stranger is not allowed, and is not told who would be', async () => {
  const answered = await ask([`Bearer ${await token({ spiffeId: idOf('bert') })}`]);
  expect(answered).toEqual({ status: 403, challenge: 'Bearer error="insufficient_scope"', body: 'not allowed here', peer: undefined });
});

test('a stale bundle refuses everybody, and is nobody else’s fault', async () => {
  jest.spyOn(source, 'bundleOf').mockImplementation(() => {
    throw new MandateError('E_BUNDLE_STALE');
  });
  expect(await ask([`Bearer ${await token()}`])).toMatchObject({ status: 503, challenge: undefined });
});

describe('with a replay store', () => {
  test('a token counts once', async () => {
    const replay = new MemoryReplays();
    const shown = `Bearer ${await token()}`;
    expect((await ask([shown], { replay })).status).toBe(200);
    expect(await ask([shown], { replay })).toEqual(INVALID);
    expect(refusals.at(-1)!.explanation.why).toBe('shown before');
    expect((await ask([`Bearer ${await token()}`], { replay })).status).toBe(200);
  });

  test('a token that is refused anyway is not remembered', async () => {
    const replay = { firstUse: jest.fn(() => true) };
    await ask([`Bearer ${await token({ spiffeId: idOf('bert') })}`], { replay });
    await ask([`Bearer ${await token({ audience: ['you'] })}`], { replay });
    expect(replay.firstUse).not.toHaveBeenCalled();
  });

  test.each([
    ['fails', () => Promise.reject(new Error('gone'))],
    ['says nothing', () => undefined as never],
  ])('a store that %s lets nobody in', async (_what, firstUse) => {
    expect(await ask([`Bearer ${await token()}`], { replay: { firstUse } })).toEqual(INVALID);
  });

  test('is full of live tokens: newcomers are refused, and what it remembers stays', () => {
    const replay = new MemoryReplays(2);
    expect(replay.firstUse('a', 100, 0)).toBe(true);
    expect(replay.firstUse('b', 50, 0)).toBe(true);
    expect(replay.firstUse('c', 100, 0)).toBe(false);
    expect(replay.firstUse('a', 100, 0)).toBe(false);
    expect(replay.firstUse('c', 100, 51)).toBe(true); // b has expired
    expect(replay.firstUse('a', 100, 100)).toBe(false);
  });
});

/** A reply as fastify has it. */
class Reply implements FastifyReplyLike {
  readonly seen: unknown[] = [];
  code(status: number): this {
    this.seen.push(status);
    return this;
  }
  header(name: string, value: string): this {
    if (name === 'www-authenticate') this.seen.push(value);
    return this;
  }
  send(body: string): this {
    this.seen.push(body.trim());
    return this;
  }
}

test('the hook of fastify goes on, or answers', async () => {
  const hook = jwtHook(checking());
  const raw = (value: string) => ({ rawHeaders: ['host', 'x', 'AUTHORIZATION', value] }) as never;
  const good = { raw: raw(`Bearer ${await token()}`) };
  const reply = new Reply();
  expect(await hook(good, reply)).toBeUndefined();
  expect(peerOf(good).spiffeId).toBe(idOf('ana'));
  expect(await hook({ raw: raw('Bearer a.b.c') }, reply)).toBe(reply);
  expect(reply.seen).toEqual(['Bearer error="invalid_token"', 401, 'the token is not accepted here']);
});
