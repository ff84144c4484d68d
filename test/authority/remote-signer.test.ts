import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authorities, openAuthorities } from '../../src/authority/authorities';
import { KeyFiles } from '../../src/authority/key-files';
import type { NamedKey } from '../../src/authority/key-home';
import { openRemoteKeys } from '../../src/authority/open-remote-keys';
import type { RemoteKeys } from '../../src/authority/remote-keys';
import { readRoot } from '../../src/authority/root-certificate';
import type { RemoteSignerConfig } from '../../src/domain/key-config';
import type { Clock } from '../../src/domain/ports';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { webIdentity } from '../federation/partner-server';
import { say, TestSigner } from '../signer/signer';
import { silentLog } from '../silent-log';
import { FakeAuthorityStore } from './fake-store';
import { DAY_MS, jwtPlan, NOW_MS, SETTINGS, TRUST_DOMAIN, x509Plan } from './fixture';

const INSTALLATION = '0190a0b0-0000-7000-8000-000000000001';
const TOKEN = 'a-token-of-this-test';
const DATA = Buffer.from('what is to be signed');

let folder: string;
let signer: TestSigner;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-remote-'));
  signer = await new TestSigner(folder, TOKEN).start();
});
afterEach(async () => {
  await signer.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Time runs as fast as a test wants: what waits is woken when it says so. */
class HeldClock implements Clock {
  ms = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();
  nowMs = (): number => NOW_MS + this.ms;
  monotonicMs = (): number => this.ms;
  after = (delayMs: number, run: () => void): (() => void) => {
    const timer = { at: this.ms + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };
  pass(ms: number): void {
    this.ms += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.ms)) {
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

const at = (changes: Partial<RemoteSignerConfig> = {}): RemoteSignerConfig => ({
  address: `unix:${signer.socket}`,
  tokenFile: signer.tokenFile,
  ca: null,
  certificate: null,
  key: null,
  ...changes,
});
const open = (remote = at(), clock: Clock = systemClock): Promise<RemoteKeys> =>
  openRemoteKeys({
    files: new KeyFiles(join(folder, 'keys')),
    remote,
    installationId: INSTALLATION,
    clock,
    random: systemRandom,
    log: silentLog,
  });
const isSigning = ({ url }: IncomingMessage): boolean => url?.endsWith('/sign') === true;
const base64 = (bytes: Buffer): string => bytes.toString('base64');
const refused = (code: string, why: RegExp = /^/) => ({ code, explanation: { why: expect.stringMatching(why) } });

/** Answers signatures otherwise, and everything else as usual. */
const signing =
  (answer: (request: IncomingMessage, response: ServerResponse) => void) => (request: IncomingMessage, response: ServerResponse) =>
    isSigning(request) ? answer(request, response) : signer.usual(request, response);

/** The digest in a request to sign. */
async function digestIn(request: IncomingMessage): Promise<Buffer> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return Buffer.from((JSON.parse(text) as { digest: string }).digest, 'base64');
}

/** Resolves when as many requests have reached the signer. */
async function reached(count: number): Promise<void> {
  while (signer.requests < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('what a signer answers is believed only as far as it proves itself', () => {
  let made: NamedKey;
  let keys: RemoteKeys;
  beforeEach(async () => {
    keys = await open();
    made = await keys.create('x509');
  });

  const stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  test.each<[string, string, RegExp, (request: IncomingMessage, response: ServerResponse) => void]>([
    [
      'a signature of another key',
      'E_SIGNER_ANSWER',
      /not one of this key/,
      say(200, JSON.stringify({ signature: base64(sign('sha256', DATA, stranger)) })),
    ],
    ['no signature', 'E_SIGNER_ANSWER', /no signature/, say(200, '{}')],
    ['a signature of no bytes', 'E_SIGNER_ANSWER', /no signature/, say(200, '{"signature":""}')],
    ['base64 of another form', 'E_SIGNER_ANSWER', /no signature/, say(200, '{"signature":"AA"}')],
    ['a signature of a kilobyte', 'E_SIGNER_ANSWER', /no signature/, say(200, JSON.stringify({ signature: base64(Buffer.alloc(1024)) }))],
    ['a list', 'E_SIGNER_ANSWER', /no JSON object/, say(200, '[]')],
    ['no JSON', 'E_SIGNER_ANSWER', /no JSON/, say(200, '<html>')],
    ['more than 64 KiB', 'E_SIGNER_ANSWER', /more than 65536 bytes/, say(200, `{"signature":"${'A'.repeat(70_000)}"}`)],
    ['a redirect', 'E_SIGNER_ANSWER', /leads elsewhere/, say(307, '', { location: 'http://127.0.0.1:1/' })],
  ])('%s: %s', async (_, code, why, answer) => {
    signer.instead = signing(answer);
    await expect(made.key.sign(DATA)).rejects.toMatchObject(refused(code, why));
    expect(keys.fault).toMatchObject({ code });
    signer.instead = undefined;
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
  });

  test.each([
    [500, 'E_SIGNER_DOWN'],
    [503, 'E_SIGNER_DOWN'],
    [429, 'E_SIGNER_DOWN'],
    [400, 'E_SIGNER_REFUSED'],
    [401, 'E_SIGNER_REFUSED'],
    [403, 'E_SIGNER_REFUSED'],
    [404, 'E_SIGNER_KEY'],
  ])('status %i: %s, and nothing that was said beside it is told on', async (status, code) => {
    signer.instead = signing(say(status, JSON.stringify({ error: `Bearer ${TOKEN}` })));
    const error: unknown = await Promise.resolve(made.key.sign(DATA)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, explanation: { saw: `HTTP status ${status}` } });
    expect(JSON.stringify(error)).not.toContain(TOKEN);
  });

  test('the signature of one request given to another is found out', async () => {
    const waiting: { readonly response: ServerResponse; readonly digest: Buffer }[] = [];
    signer.instead = signing((request, response) => {
      void digestIn(request).then((digest) => {
        if (waiting.push({ response, digest }) < 2) return;
        const name = signer.keys.names()[0]!;
        const [one, other] = waiting as [(typeof waiting)[0], (typeof waiting)[0]];
        const answer = (to: typeof one, over: Buffer) =>
          to.response.end(JSON.stringify({ signature: base64(signer.keys.sign(name, over)) }));
        answer(one, other.digest);
        answer(other, one.digest);
      });
    });
    const both = ['one', 'other'].map(async (text) => made.key.sign(Buffer.from(text)));
    for (const one of await Promise.allSettled(both))
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'E_SIGNER_ANSWER' } });
  });

  test('a key that was swapped at the signer is not the key of the authority', async () => {
    const [name] = signer.keys.names();
    const fake = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const spki = base64(fake.publicKey.export({ format: 'der', type: 'spki' }));
    signer.instead = (request, response) => {
      if (isSigning(request)) say(200, JSON.stringify({ signature: base64(sign('sha256', DATA, fake.privateKey)) }))(request, response);
      else say(200, JSON.stringify({ keys: [{ name, algorithm: 'ECDSA_P256_SHA256', publicKey: spki }] }))(request, response);
    };
    await expect(made.key.sign(DATA)).rejects.toMatchObject({ code: 'E_SIGNER_ANSWER' });
    await expect((await open()).load(made.name, made.key.publicKey)).rejects.toMatchObject({ code: 'E_SIGNER_KEY' });
  });

  test.each<[string, object | ((key: string) => object)]>([
    ['of another name', { name: 'mandate-another', algorithm: 'ECDSA_P256_SHA256' }],
    ['of another algorithm', (name) => ({ name, algorithm: 'RSA_PKCS1_2048_SHA256' })],
    ['without a public half', (name) => ({ name, algorithm: 'ECDSA_P256_SHA256', publicKey: 'AAAA' })],
  ])('a new key %s is not taken', async (_, said) => {
    const publicKey = base64(made.key.publicKey.export({ format: 'der', type: 'spki' }));
    signer.instead = (request, response) => {
      const name = request.url!.split('/').pop()!;
      say(200, JSON.stringify({ publicKey, ...(typeof said === 'function' ? said(name) : said) }))(request, response);
    };
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_ANSWER' });
  });

  test('a new key that does not sign is not taken', async () => {
    signer.instead = signing(say(403, '{}'));
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_REFUSED' });
  });

  test('what others put among the keys of an installation is left alone', async () => {
    await signer.keys.create(`mandate-${INSTALLATION.replaceAll('-', '')}-spare`, 'ECDSA_P256_SHA256');
    await signer.keys.create(`mandate-${INSTALLATION.replaceAll('-', '')}-jwt-0123456789ab`, 'RSA_PKCS1_2048_SHA256');
    await signer.keys.create(`mandate-${INSTALLATION.replaceAll('-', '')}-jwt-rs256-0123456789ab`, 'ECDSA_P256_SHA256');
    expect(await keys.list()).toEqual([made.name]);
  });
});

describe('a signer that is away', () => {
  test('is an error at once, and is used again when it is back', async () => {
    const made = await (await open()).create('jwt');
    await signer.stop();
    await expect(made.key.sign(DATA)).rejects.toMatchObject(refused('E_SIGNER_DOWN', /ENOENT/));
    await signer.start();
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
  });

  test('a connection that it closed meanwhile is no error', async () => {
    const made = await (await open()).create('jwt');
    await signer.stop();
    await signer.start();
    const all = await Promise.all(Array.from({ length: 8 }, async () => made.key.sign(DATA)));
    for (const one of all) expect(verify('sha256', DATA, made.key.publicKey, one)).toBe(true);
  });

  test('a busy one is asked again while there is time', async () => {
    const made = await (await open()).create('jwt');
    let busy = 2;
    signer.instead = signing((request, response) => (busy-- > 0 ? say(503, '{}')(request, response) : signer.usual(request, response)));
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
    busy = 3;
    await expect(made.key.sign(DATA)).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
  });

  test('an answer that is cut off, or never ends, is none', async () => {
    const clock = new HeldClock();
    const made = await (await open(at(), clock)).create('jwt');
    signer.instead = signing((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"signature":"');
      setImmediate(() => response.destroy());
    });
    await expect(made.key.sign(DATA)).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
    signer.instead = signing((_, response) => response.writeHead(200).write('{"signature":"'));
    const before = signer.requests;
    const signature = Promise.resolve(made.key.sign(DATA));
    await reached(before + 1);
    clock.pass(4_000);
    await expect(signature).rejects.toMatchObject(refused('E_SIGNER_DOWN', /did not answer in time/));
  });

  test('one that hangs is tried once a second; whoever asks meanwhile is told so at once', async () => {
    const clock = new HeldClock();
    const made = await (await open(at(), clock)).create('jwt');
    const before = signer.requests;
    signer.instead = () => undefined;
    const first = Array.from({ length: 3 }, () => Promise.resolve(made.key.sign(DATA)).catch((error: unknown) => error));
    await reached(before + 3);
    clock.pass(4_000);
    for (const error of await Promise.all(first)) expect(error).toMatchObject({ code: 'E_SIGNER_DOWN' });
    await expect(made.key.sign(DATA)).rejects.toMatchObject(refused('E_SIGNER_DOWN', /tried each second/));
    expect(signer.requests).toBe(before + 3);
    clock.pass(1_000);
    signer.instead = undefined;
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
    await Promise.all(Array.from({ length: 4 }, async () => made.key.sign(DATA)));
  });

  test('so many signatures are asked for at once, so many wait, and no more', async () => {
    const made = await (await open(at(), new HeldClock())).create('jwt');
    const held: (() => void)[] = [];
    signer.most = 0;
    signer.instead = signing((request, response) => void held.push(() => signer.usual(request, response)));
    const before = signer.requests;
    const all = Array.from({ length: 1_040 }, () =>
      Promise.resolve(made.key.sign(DATA)).then(
        () => 'signed',
        (error: { code: string }) => error.code,
      ),
    );
    await reached(before + 32);
    signer.instead = undefined;
    for (const go of held) go();
    const outcomes = await Promise.all(all);
    expect(signer.most).toBe(32);
    expect(outcomes.filter((one) => one === 'E_OVERLOADED')).toHaveLength(8);
    expect(outcomes.filter((one) => one === 'signed')).toHaveLength(1_032);
  });

  test('the loop goes on while a signature is away, and later ones overtake it', async () => {
    const made = await (await open()).create('jwt');
    let go: () => void = () => undefined;
    let first = true;
    signer.instead = signing((request, response) => {
      if (!first) return signer.usual(request, response);
      first = false;
      go = () => signer.usual(request, response);
    });
    const order: string[] = [];
    const slow = Promise.resolve(made.key.sign(DATA)).then(() => order.push('slow'));
    await reached(signer.requests + 1);
    await Promise.resolve(made.key.sign(DATA)).then(() => order.push('quick'));
    go();
    await slow;
    expect(order).toEqual(['quick', 'slow']);
  });
});

describe('what the signer is shown', () => {
  test('a token that was renewed counts from the next request on; a wrong one is refused', async () => {
    const made = await (await open()).create('jwt');
    signer.give('another-token');
    await expect(made.key.sign(DATA)).rejects.toMatchObject({ code: 'E_SIGNER_REFUSED' });
    signer.give(TOKEN);
    expect(await made.key.sign(DATA)).toBeInstanceOf(Buffer);
  });

  test.each<[string, () => void]>([
    ['that others can read', () => signer.give(TOKEN, 0o644)],
    ['that others can change', () => chmodSync(signer.tokenFile, 0o620)],
    ['of two lines', () => writeFileSync(signer.tokenFile, 'one\ntwo\n')],
    ['that is empty', () => writeFileSync(signer.tokenFile, '')],
    ['that is gone', () => rmSync(signer.tokenFile)],
  ])('nothing is sent with a token file %s', async (_, spoil) => {
    const made = await (await open()).create('jwt');
    spoil();
    const before = signer.requests;
    await expect(made.key.sign(DATA)).rejects.toMatchObject({ code: 'E_SIGNER_CREDENTIAL', explanation: { saw: signer.tokenFile } });
    expect(signer.requests).toBe(before);
  });

  test.each([0o777, 0o1777, 0o775])('nothing is sent to a socket in a folder of mode %o, where others can put theirs', async (mode) => {
    const keys = await open();
    chmodSync(folder, mode);
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_CREDENTIAL', explanation: { saw: folder } });
    expect(signer.requests).toBe(0);
  });

  test('nothing is sent to a socket whose folder anybody could make', async () => {
    const keys = await open(at({ address: `unix:${tmpdir()}/mandate-nobody-made-this/signer.sock` }));
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_CREDENTIAL' });
  });

  test('over loopback the same', async () => {
    await signer.stop();
    await signer.start({ host: '127.0.0.1', port: 0 });
    const made = await (await open(at({ address: `http://127.0.0.1:${signer.port}` }))).create('x509');
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
  });
});

describe('over TLS', () => {
  const LOOPBACK = { host: '127.0.0.1', port: 0 };
  const over = (changes: Partial<RemoteSignerConfig> = {}): RemoteSignerConfig =>
    at({ address: `https://localhost:${signer.port}`, ...changes });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  beforeEach(() => signer.stop());

  test('the certificate of the signer is checked by what is configured, and by its name', async () => {
    const { ca, identity } = await webIdentity(['localhost']);
    await signer.start(LOOPBACK, identity);
    const made = await (await open(over({ ca: file('ca.pem', ca) }))).create('x509');
    expect(verify('sha256', DATA, made.key.publicKey, await made.key.sign(DATA))).toBe(true);
    const before = signer.requests;
    const another = await webIdentity(['localhost']);
    for (const config of [
      over(),
      over({ ca: file('another.pem', another.ca) }),
      over({ ca: file('ca.pem', ca), address: over().address.replace('localhost', '127.0.0.1') }),
    ])
      await expect((await open(config)).create('x509')).rejects.toMatchObject(refused('E_SIGNER_DOWN', /CERT|SIGNATURE|ALTNAME/));
    expect(signer.requests).toBe(before);
  });

  test('a client certificate is shown, and one that was renewed counts from the next connection on', async () => {
    const { ca, identity } = await webIdentity(['localhost']);
    const clients = await webIdentity(['client']);
    await signer.start(LOOPBACK, { ...identity, ca: clients.ca, requestCert: true, rejectUnauthorized: true });
    const stranger = await webIdentity(['client']);
    const certificate = file('client.pem', stranger.identity.cert);
    const key = file('client-key.pem', stranger.identity.key);
    const keys = await open(over({ ca: file('ca.pem', ca), certificate, key }));
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
    file('client.pem', clients.identity.cert);
    file('client-key.pem', clients.identity.key);
    expect((await keys.create('jwt')).name.kind).toBe('jwt');
    chmodSync(key, 0o644);
    await expect(keys.create('jwt')).rejects.toMatchObject({ code: 'E_SIGNER_CREDENTIAL', explanation: { saw: key } });
  });
});

describe('keys are not left at the signer unseen', () => {
  test('where the answer was lost, the same key is found by the next attempt', async () => {
    const keys = await open();
    signer.instead = (request, response) => {
      if (request.method !== 'PUT') return signer.usual(request, response);
      void signer.keys.create(request.url!.split('/').pop()!, 'ECDSA_P256_SHA256').then(() => response.destroy());
    };
    await expect(keys.create('x509')).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
    expect(signer.keys.names()).toHaveLength(1);
    signer.instead = undefined;
    await keys.create('x509');
    expect(signer.keys.names()).toHaveLength(1);
  });

  test('the names of its keys say whose they are, and fit every cloud', async () => {
    await (await open()).create('x509');
    expect(signer.keys.names()).toEqual([expect.stringMatching(/^mandate-0190a0b0000070008000000000000001-x509-[0-9a-f]{12}$/)]);
  });

  test('a start with keys of authorities in files is refused', async () => {
    const files = new KeyFiles(join(folder, 'keys'));
    await files.write(`x509-${'a'.repeat(40)}.pem`, 'a key');
    await expect(open()).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});

describe('authorities of a remote signer', () => {
  let store: FakeAuthorityStore;
  let nowMs: number;
  beforeEach(() => {
    store = new FakeAuthorityStore();
    nowMs = NOW_MS;
  });
  const start = async (rs256 = false): Promise<Authorities> => {
    const clock: Clock = { ...systemClock, nowMs: () => nowMs };
    return openAuthorities({
      trustDomain: TRUST_DOMAIN,
      settings: SETTINGS,
      store,
      keys: await open(),
      rs256,
      clock,
      random: systemRandom,
      log: silentLog,
    });
  };

  test('leaves that are signed at once are whole, each as planned', async () => {
    const authorities = await start();
    const { signer: x509, check, certificate } = authorities.x509();
    const root = readRoot(certificate, TRUST_DOMAIN);
    const plans = Array.from({ length: 100 }, () => x509Plan(root));
    const leaves = await Promise.all(plans.map(async (plan) => x509.sign(plan)));
    plans.forEach((plan, index) => expect(check(plan, leaves[index]!)).toBeUndefined());
    const jwt = authorities.jwt();
    const plan = jwtPlan(jwt.keyId);
    expect(jwt.check(plan, await jwt.signer.sign(plan))).toBeUndefined();
  });

  test('RS256 is signed there as well, by a key of its own', async () => {
    const authorities = await start(true);
    nowMs += SETTINGS.propagationMs;
    await authorities.tick();
    const { keyId, check, signer: rs256 } = authorities.rs256()!;
    const plan = jwtPlan(keyId);
    const token = await rs256.sign(plan);
    expect(check(plan, token)).toBeUndefined();
    expect(JSON.parse(Buffer.from(token.toString().split('.')[0]!, 'base64url').toString())).toMatchObject({ alg: 'RS256' });
    expect(
      signer.keys
        .names()
        .map((name) => signer.keys.describe(name)!.algorithm)
        .sort(),
    ).toEqual(['ECDSA_P256_SHA256', 'ECDSA_P256_SHA256', 'RSA_PKCS1_2048_SHA256']);
    const again = await start(true);
    expect(again.rs256()?.keyId).toBe(keyId);
    signer.instead = signing(say(200, JSON.stringify({ signature: base64(Buffer.alloc(256, 1)) })));
    await expect(again.rs256()!.signer.sign(plan)).rejects.toMatchObject({ code: 'E_SIGNER_ANSWER' });
  });

  test('taint ends signatures that are under way, and the key goes', async () => {
    const authorities = await start();
    const held = authorities.x509();
    const root = readRoot(held.certificate, TRUST_DOMAIN);
    let go: () => void = () => undefined;
    let first = true;
    const before = signer.requests;
    signer.instead = signing((request, response) => {
      if (!first) return signer.usual(request, response);
      first = false;
      go = () => signer.usual(request, response);
    });
    const signature = Promise.resolve(held.signer.sign(x509Plan(root)));
    await reached(before + 1);
    await authorities.order({ do: 'taint', keyId: held.keyId }, () => Promise.resolve());
    go();
    await expect(signature).rejects.toMatchObject({ code: 'E_AUTHORITY_TAINTED' });
    expect(authorities.x509().keyId).not.toBe(held.keyId);
    expect(signer.keys.names().filter((name) => signer.keys.describe(name) !== undefined)).toHaveLength(2);
  });

  test('a restart while the signer is away publishes what there is and signs nothing, until it is back', async () => {
    const before = await start();
    await signer.stop();
    const authorities = await start();
    expect(authorities.bundle().x509).toEqual([before.x509().certificate]);
    const root = readRoot(authorities.x509().certificate, TRUST_DOMAIN);
    await expect(authorities.x509().signer.sign(x509Plan(root))).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
    await signer.start();
    const plan = x509Plan(root);
    expect(authorities.x509().check(plan, await authorities.x509().signer.sign(plan))).toBeUndefined();
  });

  test('a first start needs the signer, and one whose key is gone does not go on with another', async () => {
    await signer.stop();
    await expect(start()).rejects.toMatchObject({ code: 'E_SIGNER_DOWN' });
    await signer.start();
    await start();
    for (const name of signer.keys.names()) signer.keys.destroy(name);
    await expect(start()).rejects.toMatchObject({ code: 'E_SIGNER_KEY' });
  });

  test('a successor is made when the signer is back; meanwhile the active one stays in force, and one key is made, not one for each attempt', async () => {
    const authorities = await start();
    const { keyId } = authorities.x509();
    nowMs += 7 * DAY_MS;
    signer.instead = signing(say(500, '{}'));
    for (let i = 0; i < 4; i++) expect(await authorities.tick()).toEqual([]);
    expect(authorities.x509().keyId).toBe(keyId);
    expect(signer.keys.names().length).toBeLessThanOrEqual(4);
    signer.instead = undefined;
    expect((await authorities.tick()).map(({ kind }) => kind)).toEqual(['authority-prepared', 'authority-prepared']);
    expect(signer.keys.names()).toHaveLength(4);
    expect(authorities.bundle().x509).toHaveLength(2);
  });

  test('a taint while the signer is away counts at once, is shown, and is followed by another authority when it is back', async () => {
    const authorities = await start();
    const held = authorities.x509();
    await signer.stop();
    await expect(authorities.order({ do: 'taint', keyId: held.keyId }, () => Promise.resolve())).rejects.toMatchObject({
      code: 'E_SIGNER_DOWN',
    });
    expect(() => held.signer.sign(x509Plan(readRoot(held.certificate, TRUST_DOMAIN)))).toThrow(
      expect.objectContaining({ code: 'E_AUTHORITY_TAINTED' }),
    );
    expect(authorities.standing().find(({ row }) => row.keyId === held.keyId)?.row.stage).toBe('tainted');
    await signer.start();
    expect((await authorities.tick()).map(({ kind }) => kind)).toEqual(['authority-tainted', 'authority-prepared', 'authority-activated']);
    expect(authorities.x509().keyId).not.toBe(held.keyId);
  });

  test('a key that could not be destroyed goes later', async () => {
    const authorities = await start();
    signer.instead = (request, response) =>
      request.method === 'DELETE' ? say(500, '{}')(request, response) : signer.usual(request, response);
    await authorities.order({ do: 'taint', keyId: authorities.jwt().keyId }, () => Promise.resolve());
    const left = () => signer.keys.names().filter((name) => signer.keys.describe(name) !== undefined);
    expect(left()).toHaveLength(3);
    signer.instead = undefined;
    await authorities.tick();
    expect(left()).toHaveLength(2);
  });
});

test('a signer over a socket needs no token, where its modes say who may ask', async () => {
  signer.instead = (request, response) => {
    expect(request.headers.authorization).toBeUndefined();
    request.headers.authorization = `Bearer ${TOKEN}`;
    signer.usual(request, response);
  };
  expect((await (await open(at({ tokenFile: null }))).create('jwt')).name.kind).toBe('jwt');
});

test('a digest is what crosses, never what is signed', async () => {
  const made = await (await open()).create('jwt');
  let digest: Buffer | undefined;
  signer.instead = signing((request, response) => {
    void digestIn(request).then((seen) => {
      digest = seen;
      response.end(JSON.stringify({ signature: base64(signer.keys.sign(signer.keys.names()[0]!, seen)) }));
    });
  });
  await made.key.sign(DATA);
  expect(digest).toEqual(createHash('sha256').update(DATA).digest());
});
