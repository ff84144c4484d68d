import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authorities } from '../../src/authority/authorities';
import type { AuthorityEvent } from '../../src/authority/steps';
import { openAuthorities } from '../../src/authority/authorities';
import { KeyFiles } from '../../src/authority/key-files';
import { KeyFolder } from '../../src/authority/key-store';
import { LocalKeys } from '../../src/authority/local-keys';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import type { AuthoritySettings } from '../../src/authority/schedule';
import type { Bundle } from '../../src/domain/bundle';
import { parseCertificate } from '../../src/domain/certificate';
import { p256PointOf } from '../../src/domain/p256';
import type { Clock, Log } from '../../src/domain/ports';
import { systemRandom } from '../../src/system/random';
import { FakeAuthorityStore } from './fake-store';
import { readRoot } from '../../src/authority/root-certificate';
import { DAY_MS, jwtPlan, NOW_MS, SETTINGS, TRUST_DOMAIN, x509Plan } from './fixture';

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const MINUTE_MS = 60_000;

let folder: string;
let store: FakeAuthorityStore;
let nowMs: number;
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => undefined };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-authorities-'));
  store = new FakeAuthorityStore();
  nowMs = NOW_MS;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keys = (): KeyFolder => new KeyFolder(new KeyFiles(join(folder, 'keys')));
const open = (settings: AuthoritySettings = SETTINGS, rs256 = false): Promise<Authorities> =>
  openAuthorities({
    trustDomain: TRUST_DOMAIN,
    settings,
    store,
    keys: new LocalKeys(keys()),
    rs256,
    clock,
    random: systemRandom,
    log: quiet,
  });
const told = (events: readonly AuthorityEvent[]): string[] => events.map((e) => `${e.authority} ${e.kind.slice('authority-'.length)}`);
const keyFiles = (): string[] => readdirSync(join(folder, 'keys')).sort();

it('makes and activates the first ones at once', async () => {
  const authorities = await open();
  expect(told(authorities.opening)).toEqual(['x509 prepared', 'x509 activated', 'jwt prepared', 'jwt activated']);
  expect(authorities.bundle().x509).toEqual([authorities.x509().certificate]);
  expect(authorities.bundle().jwt).toEqual([{ kid: authorities.jwt().keyId, ...authorities.jwt().publicKey }]);
  expect(authorities.x509().notAfterMs).toBe(NOW_MS + 14 * DAY_MS);
  expect(keyFiles()).toEqual([`jwt-${authorities.jwt().keyId}.pem`, `x509-${authorities.x509().keyId}.pem`]);
});

it('TB-02: finds the same ones after a restart, under a later sequence number', async () => {
  const first = await open();
  const second = await open();
  expect(second.opening).toEqual([]);
  expect(second.x509().keyId).toBe(first.x509().keyId);
  expect(second.jwt().keyId).toBe(first.jwt().keyId);
  expect(second.bundle().sequence).toBeGreaterThan(first.bundle().sequence);
});

it('XC-14: hands over without a restart, and every leaf finds its root all the way', async () => {
  const authorities = await open();
  const old = authorities.x509();
  nowMs += 7 * DAY_MS;
  expect(told(await authorities.tick())).toEqual(['x509 prepared', 'jwt prepared']);
  expect(authorities.x509()).toBe(old);
  expect(authorities.bundle().x509).toHaveLength(2);
  nowMs += 3.5 * DAY_MS;
  expect(told(await authorities.tick())).toEqual(['x509 activated', 'x509 retired', 'jwt activated', 'jwt retired']);
  expect(authorities.x509().keyId).not.toBe(old.keyId);
  expect(authorities.bundle().x509).toEqual([old.certificate, authorities.x509().certificate]);
  expect(keyFiles()).toHaveLength(2);
  nowMs += DAY_MS - 1;
  await authorities.tick();
  expect(authorities.bundle().x509).toHaveLength(2);
  nowMs += MINUTE_MS;
  await authorities.tick();
  expect(authorities.bundle().x509).toEqual([authorities.x509().certificate]);
});

it('asks nobody and changes nothing while nothing is due', async () => {
  const authorities = await open();
  const before = { calls: store.calls, bundle: authorities.bundle(), x509: authorities.x509(), jwt: authorities.jwt() };
  for (let i = 0; i < 10; i++) {
    nowMs += 16 * 3600_000;
    expect(await authorities.tick()).toEqual([]);
  }
  expect({ calls: store.calls, bundle: authorities.bundle(), x509: authorities.x509(), jwt: authorities.jwt() }).toEqual(before);
});

it('TB-02: numbers every change of the bundle, tells its listeners, and freezes what it hands out', async () => {
  const authorities = await open();
  const seen: Bundle[] = [];
  const stop = authorities.onChange(() => void seen.push(authorities.bundle()));
  for (let i = 0; i < 30; i++) {
    nowMs += DAY_MS;
    await authorities.tick();
  }
  expect(seen.length).toBeGreaterThan(6);
  // Another authority that signs is no other bundle.
  const keysOf = ({ x509, jwt }: Bundle): string => [...x509.map((der) => der.toString('hex')), ...jwt.map(({ kid }) => kid)].join();
  for (const [i, after] of seen.slice(1).entries()) {
    const before = seen[i]!;
    expect(after.sequence > before.sequence).toBe(keysOf(after) !== keysOf(before));
    expect(after.sequence).toBeGreaterThanOrEqual(before.sequence);
  }
  expect(new Set(seen.map(keysOf)).size).toBeGreaterThan(3);
  stop();
  const heard = seen.length;
  nowMs += 14 * DAY_MS;
  await authorities.tick();
  expect(seen).toHaveLength(heard);
  for (const value of [authorities.bundle(), authorities.bundle().x509, authorities.bundle().jwt, authorities.x509(), authorities.jwt()])
    expect(Object.isFrozen(value)).toBe(true);
});

it('XC-14: over half a year of hours, with restarts, no verifier ever lacks the root of a living leaf', async () => {
  let authorities = await open();
  const leaves: { readonly root: Buffer; readonly notAfterMs: number }[] = [];
  const knownSince = new Map<string, number>();
  for (let hour = 0; hour < 24 * 180; hour++) {
    nowMs += 3600_000;
    if (hour % 1000 === 999) authorities = await open();
    else await authorities.tick();
    const { x509, jwt } = authorities.bundle();
    const published = new Set(x509.map((der) => der.toString('hex')));
    const signer = authorities.x509().certificate;
    for (const der of published) if (!knownSince.has(der)) knownSince.set(der, nowMs);
    expect(published.has(signer.toString('hex'))).toBe(true);
    expect(jwt.map(({ kid }) => kid)).toContain(authorities.jwt().keyId);
    if (hour > 0 && knownSince.size > 1) expect(nowMs - knownSince.get(signer.toString('hex'))!).toBeGreaterThanOrEqual(300_000);
    expect(authorities.x509().notAfterMs - nowMs).toBeGreaterThan(DAY_MS);
    leaves.push({ root: signer, notAfterMs: Math.min(nowMs + DAY_MS, authorities.x509().notAfterMs) });
    while (leaves[0] && leaves[0].notAfterMs <= nowMs) leaves.shift();
    expect(leaves.every(({ root }) => published.has(root.toString('hex')))).toBe(true);
    expect(x509.length).toBeLessThanOrEqual(2);
  }
  expect(keyFiles().length).toBeLessThanOrEqual(4);
}, 60_000);

it('counts publication from when it publishes, not from when a predecessor prepared', async () => {
  const first = await open();
  nowMs += 7 * DAY_MS;
  await first.tick();
  nowMs += 6 * DAY_MS;
  const second = await open();
  expect(second.opening).toEqual([]);
  nowMs += 299_999;
  expect(await second.tick()).toEqual([]);
  nowMs += 1;
  expect(told(await second.tick())).toContain('x509 activated');
});

it('goes on at once after an absence in which everything ended', async () => {
  const first = await open();
  nowMs += 60 * DAY_MS;
  const second = await open();
  expect(told(second.opening)).toEqual(['x509 prepared', 'x509 activated', 'x509 retired', 'jwt prepared', 'jwt activated', 'jwt retired']);
  expect(second.bundle().x509).toEqual([second.x509().certificate]);
  expect(second.x509().keyId).not.toBe(first.x509().keyId);
});

describe('key files', () => {
  it.each(['x509', 'jwt'])('does not open without the key of the active %s authority, and makes none in its place', async (kind) => {
    const first = await open();
    const file = join(folder, 'keys', `${kind}-${kind === 'x509' ? first.x509().keyId : first.jwt().keyId}.pem`);
    const kept = readFileSync(file);
    rmSync(file);
    const rows = [...store.rows];
    await expect(open()).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: file } });
    writeFileSync(file, kept.subarray(0, 100), { mode: 0o600 });
    await expect(open()).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: file } });
    expect(store.rows).toEqual(rows);
    writeFileSync(file, kept);
    expect((await open()).x509().keyId).toBe(first.x509().keyId);
  });

  it.each(['x509', 'jwt'] as const)('does not open with a whole key of another %s authority', async (kind) => {
    const first = await open();
    await keys().save({ kind, keyId: first[kind]().keyId }, generateAuthorityKey().key);
    await expect(open()).rejects.toMatchObject({ code: 'E_KEY_FILE' });
  });

  it('leaves a key alone that no authority knows, and trusts it for nothing', async () => {
    await keys().save({ kind: 'x509', keyId: 'f'.repeat(40) }, generateAuthorityKey().key);
    const authorities = await open();
    expect(keyFiles()).toContain(`x509-${'f'.repeat(40)}.pem`);
    expect(authorities.bundle().x509).toHaveLength(1);
  });

  it('removes the key of a retired authority that a crash left behind', async () => {
    const first = await open();
    await keys().save({ kind: 'jwt', keyId: 'old-old-old-old-old' }, generateAuthorityKey().key);
    store.rows.push({ ...store.rows[0]!, keyId: 'old-old-old-old-old', kind: 'jwt', stage: 'retired', retiredAtMs: 1, notAfterMs: 2 });
    await open();
    expect(keyFiles()).toEqual([`jwt-${first.jwt().keyId}.pem`, `x509-${first.x509().keyId}.pem`]);
  });
});

describe('an RS256 authority', () => {
  const asked = () => open(SETTINGS, true);
  const stages = () => store.rows.filter(({ kind }) => kind === 'jwt-rs256').map(({ stage }) => stage);

  it('is made when rules ask for it, and signs when it has been published for long enough', async () => {
    const authorities = await open();
    expect([authorities.rs256(), authorities.bundle().jwt.length]).toEqual([undefined, 1]);
    authorities.askForRs256(true);
    expect(told(await authorities.tick())).toEqual(['jwt-rs256 prepared']);
    expect(authorities.rs256()).toBeUndefined();
    expect(authorities.bundle().jwt).toHaveLength(2);
    expect(authorities.standing().find(({ row }) => row.kind === 'jwt-rs256')?.readyAtMs).toBe(NOW_MS + SETTINGS.propagationMs);
    nowMs += SETTINGS.propagationMs - 1;
    expect(await authorities.tick()).toEqual([]);
    nowMs += 1;
    const { sequence } = authorities.bundle();
    expect(told(await authorities.tick())).toEqual(['jwt-rs256 activated']);
    const signer = authorities.rs256()!;
    const token = await signer.signer.sign(jwtPlan(signer.keyId));
    expect(signer.check(jwtPlan(signer.keyId), token)).toBe('claims');
    expect(authorities.bundle().sequence).toBe(sequence);
    expect(keyFiles()).toContain(`jwt-rs256-${signer.keyId}.pem`);
    expect((await open()).rs256()?.keyId).toBe(signer.keyId);
  });

  it('that was prepared when the server ended is waited for anew, since nobody knows who read the bundle', async () => {
    await asked();
    nowMs += SETTINGS.propagationMs;
    const next = await asked();
    expect([next.opening, next.rs256()]).toEqual([[], undefined]);
    nowMs += SETTINGS.propagationMs;
    expect(told(await next.tick())).toEqual(['jwt-rs256 activated']);
  });

  it('has a successor as long as it is asked for, and lives to its end once it is not', async () => {
    const authorities = await asked();
    nowMs += SETTINGS.propagationMs;
    await authorities.tick();
    const first = authorities.rs256()!;
    nowMs += 7 * DAY_MS;
    expect(told(await authorities.tick())).toContain('jwt-rs256 prepared');
    nowMs += 3.5 * DAY_MS;
    expect(told(await authorities.tick())).toEqual(expect.arrayContaining(['jwt-rs256 activated', 'jwt-rs256 retired']));
    const second = authorities.rs256()!;
    expect(second.keyId).not.toBe(first.keyId);
    authorities.askForRs256(false);
    nowMs = second.notAfterMs - 1;
    await authorities.tick();
    expect(authorities.rs256()).toBe(second);
    nowMs += 1;
    expect(told(await authorities.tick())).toContain('jwt-rs256 retired');
    expect([authorities.rs256(), stages()]).toEqual([undefined, ['retired', 'retired']]);
    expect(authorities.bundle().jwt.every((one) => 'point' in one)).toBe(true);
    expect(keyFiles().some((file) => file.startsWith('jwt-rs256-'))).toBe(false);
    authorities.askForRs256(true);
    expect(told(await authorities.tick())).toEqual(['jwt-rs256 prepared']);
    expect(authorities.rs256()).toBeUndefined();
  });

  it('that is tainted signs nothing more, also for requests that hold it; what is asked for is replaced at once', async () => {
    const authorities = await asked();
    nowMs += SETTINGS.propagationMs;
    await authorities.tick();
    const held = authorities.rs256()!;
    const order = { do: 'taint', keyId: held.keyId } as const;
    expect(told(await authorities.order(order, () => Promise.resolve()))).toEqual([
      'jwt-rs256 tainted',
      'jwt-rs256 prepared',
      'jwt-rs256 activated',
    ]);
    expect(() => held.signer.sign(jwtPlan(held.keyId))).toThrow(expect.objectContaining({ code: 'E_AUTHORITY_TAINTED' }));
    expect(authorities.rs256()!.keyId).not.toBe(held.keyId);
    expect(keyFiles()).not.toContain(`jwt-rs256-${held.keyId}.pem`);
    nowMs += 3600_000;
    expect(told(await authorities.tick())).toEqual(['jwt-rs256 revoked']);
  });

  it('can be prepared by an administrator before any rule asks for it', async () => {
    const authorities = await open();
    await authorities.order({ do: 'prepare', kinds: ['jwt-rs256'] }, () => Promise.resolve());
    nowMs += SETTINGS.propagationMs;
    expect(told(await authorities.tick())).toEqual(['jwt-rs256 activated']);
  });

  it('XC-14: does not open without its key, and none is made in its place', async () => {
    const authorities = await asked();
    nowMs += SETTINGS.propagationMs;
    await authorities.tick();
    const file = join(folder, 'keys', `jwt-rs256-${authorities.rs256()!.keyId}.pem`);
    rmSync(file);
    await expect(asked()).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: file } });
  });
});

describe('a store that fails', () => {
  it.each(['before', 'after'] as const)('%s writing: what was in force stays, and the next call completes it', async (when) => {
    const authorities = await open();
    const before = { x509: authorities.x509(), bundle: authorities.bundle() };
    nowMs += 7 * DAY_MS;
    const events: AuthorityEvent[] = [];
    // Each write of the hand-over fails once: two rows and one sequence number, then four stages.
    for (let failure = 0; failure < 3; failure++) {
      store.failNext = when;
      await expect(authorities.tick()).rejects.toThrow();
      expect(authorities.x509()).toBe(before.x509);
      expect(authorities.bundle()).toBe(before.bundle);
      store.failNext = undefined;
      if (failure < 2) continue;
      events.push(...(await authorities.tick()));
    }
    expect(authorities.bundle().x509).toHaveLength(2);
    expect(store.rows.filter((row) => row.stage === 'prepared')).toHaveLength(2);
    nowMs += 4 * DAY_MS;
    store.failNext = when;
    await expect(authorities.tick()).rejects.toThrow();
    expect(authorities.x509()).toBe(before.x509);
    events.push(...(await authorities.tick()));
    expect(authorities.x509().keyId).not.toBe(before.x509.keyId);
    expect(store.rows.filter((row) => row.stage === 'active')).toHaveLength(2);
    expect(store.rows.filter((row) => row.stage === 'retired')).toHaveLength(2);
    expect(await authorities.tick()).toEqual([]);
  });

  it('at the first start leaves nothing that the next start stumbles over', async () => {
    for (let failures = 0; failures < 8; failures++) {
      store.failNext = failures % 2 === 0 ? 'before' : 'after';
      await open().catch(() => undefined);
      store.failNext = undefined;
    }
    const authorities = await open();
    expect(authorities.bundle().x509).toContainEqual(authorities.x509().certificate);
    expect(store.rows.filter((row) => row.stage === 'active')).toHaveLength(2);
  });
});

it('puts calls at once in an order: one successor of each kind, told once', async () => {
  const authorities = await open();
  nowMs += 7 * DAY_MS;
  const all = await Promise.all(Array.from({ length: 8 }, () => authorities.tick()));
  expect(told(all.flat())).toEqual(['x509 prepared', 'jwt prepared']);
  expect(store.rows).toHaveLength(4);
});

it('JS-17: never gives an X.509 key to JWTs', async () => {
  const authorities = await open();
  expect(p256PointOf(store.rows[0]!.public)).toBeUndefined();
  expect(authorities.jwt().publicKey).not.toEqual({ point: p256PointOf(parseCertificate(authorities.x509().certificate).spki) });
});

it('refuses lifetimes that leave no time to hand over', async () => {
  const settings = { ...SETTINGS, lifetimeMs: { x509: 2_000_000, jwt: DAY_MS } };
  await expect(open(settings)).rejects.toMatchObject({ code: 'E_CONFIG' });
});

describe('an order', () => {
  const onRecord = () => Promise.resolve();

  it('to taint what signs ends its signatures, also for requests that hold it, and leaves it in the bundle', async () => {
    const authorities = await open();
    const held = authorities.x509();
    const jwt = authorities.jwt();
    nowMs += MINUTE_MS;
    const events = await authorities.order({ do: 'taint', keyId: held.keyId }, onRecord);
    expect(told(events)).toEqual(['x509 tainted', 'x509 prepared', 'x509 activated']);
    const root = readRoot(held.certificate, TRUST_DOMAIN);
    expect(() => held.signer.sign(x509Plan(root))).toThrow(expect.objectContaining({ code: 'E_AUTHORITY_TAINTED' }));
    const wish = { serial: 'ab'.repeat(16), notBeforeMs: nowMs, notAfterMs: nowMs + MINUTE_MS, hostnames: [] };
    await expect(held.endpointLeaf(wish)).rejects.toMatchObject({ code: 'E_AUTHORITY_TAINTED' });
    expect(authorities.bundle().x509).toEqual([held.certificate, authorities.x509().certificate]);
    expect(authorities.soundX509()).toEqual([authorities.x509().keyId]);
    expect(keyFiles()).toEqual([`jwt-${jwt.keyId}.pem`, `x509-${authorities.x509().keyId}.pem`]);
    expect(authorities.jwt()).toBe(jwt);
    nowMs += DAY_MS;
    expect(told(await authorities.tick())).toEqual(['x509 revoked']);
    expect(authorities.bundle().x509).toEqual([authorities.x509().certificate]);
  });

  it('to taint a JWT authority ends its signatures as well', async () => {
    const authorities = await open();
    const held = authorities.jwt();
    nowMs += MINUTE_MS;
    await authorities.order({ do: 'taint', keyId: held.keyId }, onRecord);
    expect(() => held.signer.sign(jwtPlan(held.keyId))).toThrow(expect.objectContaining({ code: 'E_AUTHORITY_TAINTED' }));
    expect(authorities.bundle().jwt.map(({ kid }) => kid)).toEqual([held.keyId, authorities.jwt().keyId]);
  });

  it('whose answer was lost is carried on by the next look', async () => {
    const authorities = await open();
    const held = authorities.x509();
    store.failNext = 'after';
    await expect(authorities.order({ do: 'taint', keyId: held.keyId }, onRecord)).rejects.toThrow('lost');
    expect(told(await authorities.tick())).toEqual(['x509 prepared', 'x509 activated']);
    expect(() => held.signer.sign(x509Plan(readRoot(held.certificate, TRUST_DOMAIN)))).toThrow(
      expect.objectContaining({ code: 'E_AUTHORITY_TAINTED' }),
    );
  });

  it('is on record before anything is done, and what cannot be recorded is not done', async () => {
    const authorities = await open();
    const rows = [...store.rows];
    const order = { do: 'taint', keyId: authorities.x509().keyId } as const;
    const lost = () => Promise.reject(new Error('no record'));
    await expect(authorities.order(order, lost)).rejects.toThrow('no record');
    expect(store.rows).toEqual(rows);
    await authorities.order(order, () => Promise.resolve(expect(store.rows).toEqual(rows)));
    expect(store.rows).not.toEqual(rows);
  });

  it('that is refused is not on record and changes nothing', async () => {
    const authorities = await open();
    const rows = [...store.rows];
    const record = jest.fn(onRecord);
    await expect(authorities.order({ do: 'revoke', keyId: authorities.x509().keyId }, record)).rejects.toMatchObject({
      code: 'E_AUTHORITY_IN_USE',
    });
    expect(record).not.toHaveBeenCalled();
    expect(store.rows).toEqual(rows);
  });

  it('to rotate hands over as soon as the successor is published long enough, and a restart does not forget it', async () => {
    const authorities = await open();
    const old = authorities.x509();
    nowMs += MINUTE_MS;
    expect(told(await authorities.order({ do: 'rotate', kinds: ['x509'] }, onRecord))).toEqual(['x509 prepared']);
    const successor = store.rows.find(({ stage }) => stage === 'prepared')!.keyId;
    await expect(authorities.order({ do: 'activate', keyId: successor }, onRecord)).rejects.toMatchObject({
      code: 'E_AUTHORITY_UNPUBLISHED',
    });
    const next = await open();
    expect(next.standing().find(({ row }) => row.keyId === successor)?.readyAtMs).toBe(nowMs + SETTINGS.propagationMs);
    nowMs += SETTINGS.propagationMs - 1;
    expect(await next.tick()).toEqual([]);
    expect(next.x509().keyId).toBe(old.keyId);
    nowMs += 1;
    expect(told(await next.tick())).toEqual(['x509 activated', 'x509 retired']);
    expect(next.bundle().x509).toEqual([old.certificate, next.x509().certificate]);
  });
});

it('XC-14, JS-13: over an hour with authorities of a minute and leaves of ten seconds, none is cut short', async () => {
  const settings = { lifetimeMs: { x509: MINUTE_MS, jwt: MINUTE_MS }, propagationMs: 7_000, refreshHintSeconds: 5 };
  const authorities = await open(settings);
  const signers = new Set<string>();
  const leaves: { readonly keyId: string; readonly root: Buffer; readonly notAfterMs: number }[] = [];
  for (let second = 0; second < 3600; second++) {
    nowMs += 1000;
    await authorities.tick();
    const { x509 } = authorities.bundle();
    const signer = authorities.x509();
    signers.add(signer.keyId);
    for (const { notAfterMs } of [signer, authorities.jwt()]) expect(notAfterMs - nowMs).toBeGreaterThanOrEqual(10_000);
    leaves.push({ keyId: signer.keyId, root: signer.certificate, notAfterMs: nowMs + 10_000 });
    while (leaves[0] && leaves[0].notAfterMs <= nowMs) leaves.shift();
    expect(leaves.every(({ root }) => x509.some((der) => der.equals(root)))).toBe(true);
  }
  expect(signers.size).toBeGreaterThan(60);
}, 60_000);
