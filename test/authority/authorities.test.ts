import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authorities, AuthorityEvent } from '../../src/authority/authorities';
import { openAuthorities } from '../../src/authority/authorities';
import { KeyFolder } from '../../src/authority/key-store';
import type { AuthoritySettings } from '../../src/authority/schedule';
import { DEFAULT_AUTHORITY_SETTINGS } from '../../src/authority/schedule';
import type { Clock, Log } from '../../src/domain/ports';
import { systemRandom } from '../../src/system/random';
import { FakeAuthorityStore } from './fake-store';
import { DAY_MS, NOW_MS, TRUST_DOMAIN } from './fixture';

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

const keys = (): KeyFolder => new KeyFolder(join(folder, 'keys'));
const open = (settings: AuthoritySettings = DEFAULT_AUTHORITY_SETTINGS): Promise<Authorities> =>
  openAuthorities({ trustDomain: TRUST_DOMAIN, settings, store, keys: keys(), clock, random: systemRandom, log: quiet });
const told = (events: readonly AuthorityEvent[]): string[] => events.map((e) => `${e.authority} ${e.kind.slice('authority-'.length)}`);
const keyFiles = (): string[] => readdirSync(join(folder, 'keys')).sort();

it('makes and activates the first ones at once', async () => {
  const authorities = await open();
  expect(told(authorities.opening)).toEqual(['x509 prepared', 'x509 activated', 'jwt prepared', 'jwt activated']);
  expect(authorities.bundle().x509).toEqual([authorities.x509().certificate]);
  expect(authorities.bundle().jwt).toEqual([{ kid: authorities.jwt().keyId, point: authorities.jwt().publicKey }]);
  expect(authorities.x509().notAfterMs).toBe(NOW_MS + 14 * DAY_MS);
  expect(keyFiles()).toEqual([`jwt-${authorities.jwt().keyId}.pem`, `x509-${authorities.x509().keyId}.pem`]);
});

it('finds the same ones after a restart, under a later sequence number', async () => {
  const first = await open();
  const second = await open();
  expect(second.opening).toEqual([]);
  expect(second.x509().keyId).toBe(first.x509().keyId);
  expect(second.jwt().keyId).toBe(first.jwt().keyId);
  expect(second.bundle().sequence).toBeGreaterThan(first.bundle().sequence);
});

it('hands over without a restart, and every leaf finds its root all the way', async () => {
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
