import type { FederationRow, Relationship, StoredDocument } from '../../src/domain/federation';
import { MandateError } from '../../src/domain/errors';
import type { Clock, FederationStore } from '../../src/domain/ports';
import type { EventKind } from '../../src/domain/lineage';
import { Federation } from '../../src/server/federation';
import type { PinnedCaller, Standing } from '../../src/server/callers';
import { readForeignBundle } from '../../src/verify/foreign-bundle';
import { silentLog } from '../silent-log';
import type { Forged } from '../verify/forge';
import { bundleText, forgeNow, identityOf, json, PartnerServer } from './partner-server';

const OWN = 'own.example';
const ID = 'spiffe://b.example/endpoint';
let root: Forged;
let server: PartnerServer;
beforeAll(async () => {
  root = await forgeNow({ ca: true, uris: ['spiffe://b.example'] });
  server = await PartnerServer.start(identityOf(await forgeNow({ issuer: root, uris: [ID] })), json(''));
});
beforeEach(() => {
  server.requests.length = 0;
  server.answer = json(bundleText([root], { spiffe_sequence: 1, spiffe_refresh_hint: 600 }));
});
afterAll(() => server.close());

/** Rows in memory, kept as the database keeps them. */
class MemoryStore implements FederationStore {
  readonly rows: FederationRow[] = [];
  down = false;
  current = () => Promise.resolve([...this.rows]);
  add = (row: FederationRow) => Promise.resolve(void this.rows.push(row));
  replace(id: string, document: StoredDocument) {
    if (this.down) return Promise.reject(new MandateError('E_DB_DOWN'));
    const at = this.rows.findIndex((row) => row.id === id);
    if (at >= 0) this.rows[at] = { ...this.rows[at]!, document };
    return Promise.resolve(at >= 0);
  }
  remove(id: string) {
    const at = this.rows.findIndex((row) => row.id === id);
    if (at >= 0) this.rows.splice(at, 1);
    return Promise.resolve(at >= 0);
  }
}

/** Time passes when a test says so; polls are waited for. */
class HeldClock implements Clock {
  aheadMs = 0;
  readonly timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  nowMs = () => Date.now() + this.aheadMs;
  monotonicMs = () => this.aheadMs;
  after(delayMs: number, run: () => void) {
    const timer = { atMs: this.aheadMs + delayMs, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }
  pass(ms: number): void {
    const end = this.aheadMs + ms;
    for (;;) {
      const [next] = [...this.timers].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.timers.delete(next);
      this.aheadMs = Math.max(this.aheadMs, next.atMs);
      next.run();
    }
    this.aheadMs = end;
  }
}

type Wish = Relationship & { readonly bundle: Buffer | null };
const asked = { caller: { pid: 7, uid: 0, key: 'k' } as PinnedCaller, standing: { person: 'login' } as Standing };
const wish = (changes: Partial<Wish> = {}): Wish => ({
  trustDomain: 'b.example',
  url: server.url,
  profile: 'https_spiffe',
  endpointId: ID,
  webCa: null,
  bundle: Buffer.from(bundleText([root])),
  ...changes,
});

function installation(draw = 0, store = new MemoryStore(), clock = new HeldClock()) {
  const events: { kind: EventKind; data: Record<string, unknown> }[] = [];
  const told: string[][] = [];
  const federation: Federation = new Federation({
    trustDomain: OWN,
    store,
    journal: {
      event: (kind: EventKind, data: object) => Promise.resolve(void events.push({ kind, data: data as Record<string, unknown> })),
      administered: () => ({ deviceId: null, pid: 7, uid: 0, evidenceDigest: null, person: 'login' as const }),
    },
    own: () => readForeignBundle(Buffer.from('{"keys":[]}'), OWN, 'document').trust,
    clock,
    random: { bytes: (length) => Buffer.alloc(length, Math.round(draw * 255)) },
    log: silentLog,
    changed: () => void told.push(federation.bundles.map(({ trustDomain, sequence }) => `${trustDomain} ${sequence}`)),
  });
  return { federation, store, clock, events, told };
}
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: MandateError) => error.code,
  );

describe('a relationship', () => {
  test.each([
    ['FD-02: another scheme', { url: 'http://b.example/' }],
    ['FD-02: a user in the URL', { url: 'https://u@b.example/' }],
    ['FD-35: our own trust domain', { trustDomain: OWN, endpointId: `spiffe://${OWN}/endpoint` }],
    ['FD-21: no SPIFFE ID of the endpoint', { endpointId: null }],
    ['FD-21: an endpoint of a trust domain that is not known', { endpointId: 'spiffe://c.example/e' }],
    ['FD-22: no first bundle', { bundle: null }],
    ['FD-22: a first bundle without X.509 authorities', { bundle: Buffer.from('{"keys":[]}') }],
    ['an ID of a trust domain, not of an endpoint', { endpointId: 'spiffe://b.example' }],
    ['FD-26: both profiles', { profile: 'https_web' as const }],
    ['authorities of the Web PKI beside an ID', { webCa: 'x' }],
    ['a name that is none', { trustDomain: 'B' }],
  ])('%s: refused, and nothing is kept', async (_what, changes) => {
    const { federation, store, events } = installation();
    expect(await code(federation.add(wish(changes), asked))).toBe('E_FEDERATION_INVALID');
    expect([store.rows, events, server.requests]).toEqual([[], [], []]);
  });

  test('FD-22, FD-33: the first bundle authenticates the first connection, each fetched one the next', async () => {
    const { federation, events, told } = installation();
    const partner = await federation.add(wish(), asked);
    expect([partner.bundle?.sequence, partner.failure, partner.document?.fetched]).toEqual([1n, undefined, true]);
    const second = await forgeNow({ ca: true, name: 'CN=second', uris: ['spiffe://b.example'] });
    server.answer = json(bundleText([root, second], { spiffe_sequence: 2 }));
    await partner.ask();
    server.become(identityOf(await forgeNow({ issuer: second, uris: [ID] })));
    server.answer = json(bundleText([second], { spiffe_sequence: 3 }));
    await partner.ask();
    server.become(identityOf(await forgeNow({ issuer: root, uris: [ID] })));
    await partner.ask();
    expect(partner.failure).toMatchObject({ code: 'E_FEDERATION_ENDPOINT' });
    expect(partner.bundle?.sequence).toBe(3n);
    expect(told.map((list) => list.join())).toEqual(['b.example undefined', 'b.example 1', 'b.example 2', 'b.example 3']);
    expect(events.map(({ kind, data }) => [kind, data['sequence'], data['pid']])).toEqual([
      ['federation-added', undefined, 7],
      ['federation-bundle', null, 7],
      ['federation-bundle', '1', 7],
      ['federation-bundle', '2', null],
      ['federation-bundle', '3', null],
    ]);
  });

  test('FD-23, FD-32: an endpoint of another partner is checked with the bundle of that one', async () => {
    const { federation } = installation();
    await federation.add(wish(), asked);
    const c = await forgeNow({ ca: true, uris: ['spiffe://c.example'] });
    server.answer = json(bundleText([c]));
    const partner = await federation.add(wish({ trustDomain: 'c.example', bundle: null }), asked);
    expect([partner.failure, partner.bundle?.trust.roots.length]).toEqual([undefined, 1]);
    // What one says is its own: the keys of the other are what they were.
    expect(federation.partner('b.example').bundle?.x509.equals(root.der)).toBe(true);
    expect(partner.bundle?.x509.equals(c.der)).toBe(true);
    await federation.remove('b.example', asked);
    await partner.ask();
    expect(partner.failure).toMatchObject({ code: 'E_FEDERATION_ENDPOINT', why: 'there is no bundle of b.example to check it with' });
    expect(partner.bundle?.x509.equals(c.der)).toBe(true);
  });
});

describe('polling', () => {
  const polls = async (clock: HeldClock, ms: number): Promise<number> => {
    const before = server.requests.length;
    clock.pass(ms);
    // Whatever was asked for by then has come to the server when a connection that was opened later has.
    await new Promise<void>((resolve) => {
      const { port } = new URL(server.url);
      import('node:https').then(
        ({ get }) => get({ port, rejectUnauthorized: false, path: '/mark' }, (r) => void r.resume().on('end', resolve)),
        resolve,
      );
    });
    return server.requests.filter(({ url }) => url !== '/mark').length - before;
  };

  test('FD-28: by the hint of the bundle; up to a tenth sooner, never later', async () => {
    const { federation } = installation(0);
    const partner = await federation.add(wish(), asked);
    expect(partner.nextAtMs! - partner.askedAtMs!).toBeGreaterThanOrEqual(600_000);
    expect(partner.nextAtMs! - partner.askedAtMs!).toBeLessThan(610_000);
    const jittered = await installation(1).federation.add(wish(), asked);
    expect(jittered.nextAtMs! - jittered.askedAtMs!).toBeLessThan(550_000);
  });

  test('the clock asks when it is due, once, and takes what came', async () => {
    const { federation, clock } = installation(0);
    const partner = await federation.add(wish(), asked);
    server.requests.length = 0;
    expect(await polls(clock, 590_000)).toBe(0);
    server.answer = json(bundleText([root], { spiffe_sequence: 2, spiffe_refresh_hint: 600 }));
    // Less than the time that one attempt has.
    clock.pass(11_000);
    await partner.ask();
    expect([server.requests.filter(({ url }) => url !== '/mark').length, partner.bundle?.sequence]).toEqual([1, 2n]);
  });

  test('FD-29, FD-30: a failure keeps the bundle, is visible, and lengthens the wait; what works again ends that', async () => {
    const { federation, told } = installation(0);
    const partner = await federation.add(wish(), asked);
    const waits: number[] = [];
    for (const answer of ['nonsense', '{}', '{"keys":[],"spiffe_sequence":-1}', '<html>', '{"keys":[]']) {
      server.answer = json(answer);
      await partner.ask();
      waits.push(Math.round((partner.nextAtMs! - partner.askedAtMs!) / 60_000));
      expect(partner.failure).toMatchObject({ code: 'E_FEDERATION_BUNDLE' });
      expect(partner.bundle?.sequence).toBe(1n);
    }
    expect([partner.failures, waits]).toEqual([5, [10, 20, 40, 60, 60]]);
    server.answer = json(bundleText([root], { spiffe_sequence: 1, spiffe_refresh_hint: 600 }));
    await partner.ask();
    expect([partner.failures, partner.failure]).toEqual([0, undefined]);
    expect(told).toHaveLength(2);
  });

  test('TB-29: a lower sequence number is not taken, but where an administrator says so', async () => {
    const { federation, events } = installation();
    const partner = await federation.add(wish(), asked);
    server.answer = json(bundleText([root], { spiffe_sequence: 0 }));
    await partner.ask(asked);
    expect([partner.failure?.code, partner.bundle?.sequence]).toEqual(['E_FEDERATION_ROLLBACK', 1n]);
    await partner.askForAny(asked);
    expect([partner.failure, partner.bundle?.sequence]).toEqual([undefined, 0n]);
    expect(events.at(-1)).toMatchObject({ kind: 'federation-bundle', data: { rollback: true, sequence: '0', pid: 7 } });
    // Without one the last wins.
    server.answer = json(bundleText([root]));
    await partner.ask();
    expect([partner.failure, partner.bundle?.sequence]).toEqual([undefined, undefined]);
  });

  test('TB-25: a bundle that is empty is one: nothing of the partner verifies any more', async () => {
    const { federation } = installation();
    const partner = await federation.add(wish(), asked);
    server.answer = json('{"keys":[],"spiffe_sequence":2}');
    await partner.ask();
    expect([partner.failure, partner.bundle?.x509.length, partner.bundle?.trust.roots]).toEqual([undefined, 0, []]);
  });

  test('equal keys are no change, in whatever order they come', async () => {
    const { federation, told, events } = installation();
    const second = await forgeNow({ ca: true, uris: ['spiffe://b.example'] });
    server.answer = json(bundleText([root, second], { spiffe_sequence: 1 }));
    const partner = await federation.add(wish(), asked);
    const count = [told.length, events.length];
    server.answer = json(bundleText([second, root], { spiffe_sequence: 1, extra: true }));
    await partner.ask();
    expect([told.length, events.length]).toEqual(count);
  });

  test('a database that is away keeps the last good one in force', async () => {
    const { federation, store } = installation();
    const partner = await federation.add(wish(), asked);
    store.down = true;
    server.answer = json(bundleText([root], { spiffe_sequence: 2 }));
    await partner.ask();
    expect([partner.failure?.code, partner.bundle?.sequence]).toEqual(['E_DB_DOWN', 1n]);
  });

  test('one that never answers delays no other', async () => {
    const { federation } = installation();
    await federation.add(wish(), asked);
    let met: () => void = () => undefined;
    const asks = new Promise<void>((resolve) => (met = resolve));
    const slow = await PartnerServer.start(identityOf(await forgeNow({ issuer: root, uris: [ID] })), () => met());
    const adding = federation.add(wish({ trustDomain: 'c.example', url: slow.url, bundle: null }), asked);
    await asks;
    server.answer = json(bundleText([root], { spiffe_sequence: 2 }));
    const quick = federation.partner('b.example');
    await quick.ask();
    expect(quick.bundle?.sequence).toBe(2n);
    await slow.close();
    expect((await adding).failure).toMatchObject({ code: 'E_FEDERATION_UNREACHABLE' });
  });
});

test('FD-34: what still arrives when the relationship is over counts for nothing', async () => {
  const { federation, store, told, clock } = installation();
  const partner = await federation.add(wish(), asked);
  let answer: () => void = () => undefined;
  const asks = new Promise<void>((resolve) => {
    server.answer = (_r, response) => {
      answer = () => response.end(bundleText([root], { spiffe_sequence: 9 }));
      resolve();
    };
  });
  const asking = partner.ask();
  await asks;
  await federation.remove('b.example', asked);
  answer();
  await asking;
  expect([store.rows, federation.bundles, told.at(-1)]).toEqual([[], [], []]);
  expect(clock.timers.size).toBe(0);
  expect(await code(federation.remove('b.example', asked))).toBe('E_NOT_FOUND');
});

test('FD-31: a start takes up what is on record; a document that is no longer readable harms its partner alone', async () => {
  const { federation, store } = installation();
  await federation.add(wish(), asked);
  const document = { bytes: Buffer.from('?'), atMs: 1, fetched: true };
  store.rows.push({ ...store.rows[0]!, id: 'x', trustDomain: 'c.example', document });
  const next = installation(0, store);
  await next.federation.start();
  expect(next.federation.bundles.map(({ trustDomain, sequence }) => [trustDomain, sequence])).toEqual([['b.example', 1n]]);
  expect(next.federation.partner('c.example').failure).toMatchObject({ code: 'E_FEDERATION_BUNDLE' });
  next.federation.close();
  expect(next.clock.timers.size).toBe(0);
});
