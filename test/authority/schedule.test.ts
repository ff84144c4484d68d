import type { AuthoritySettings, Need, Step } from '../../src/authority/schedule';
import { checkAuthoritySettings, isPublished, nextStep } from '../../src/authority/schedule';
import type { AuthorityRow } from '../../src/domain/authority-row';
import { DAY_MS, NOW_MS, SETTINGS } from './fixture';

const PROPAGATION_MS = 300_000;
const REFRESH_MS = 60_000;
const published = (atMs: number | undefined) => ({ propagationMs: PROPAGATION_MS, refreshHintMs: REFRESH_MS, publishedAtMs: () => atMs });

/** Lives from day 0 to day 8: half life on day 4, three quarters on day 6. */
const row = (keyId: string, changes: Partial<AuthorityRow> = {}): AuthorityRow => ({
  keyId,
  kind: 'x509',
  stage: 'active',
  public: Buffer.alloc(0),
  notBeforeMs: NOW_MS,
  notAfterMs: NOW_MS + 8 * DAY_MS,
  preparedAtMs: NOW_MS,
  activatedAtMs: NOW_MS,
  retiredAtMs: null,
  taintedAtMs: null,
  revokedAtMs: null,
  early: false,
  ...changes,
});
const prepared = (keyId: string, changes: Partial<AuthorityRow> = {}): AuthorityRow =>
  row(keyId, {
    stage: 'prepared',
    notBeforeMs: NOW_MS + 4 * DAY_MS,
    notAfterMs: NOW_MS + 12 * DAY_MS,
    preparedAtMs: NOW_MS + 4 * DAY_MS,
    activatedAtMs: null,
    ...changes,
  });
const tainted = (keyId: string): AuthorityRow => row(keyId, { stage: 'tainted', taintedAtMs: NOW_MS + DAY_MS });
const day = (n: number): number => NOW_MS + n * DAY_MS;

it.each<[string, readonly AuthorityRow[], number, number | undefined, Step | undefined]>([
  ['nothing there', [], day(0), undefined, { do: 'prepare' }],
  ['only retired ones', [row('a', { stage: 'retired' })], day(1), undefined, { do: 'prepare' }],
  ['a first one prepared and not active', [prepared('a')], day(4), undefined, { do: 'activate', keyId: 'a' }],
  ['a young one', [row('a')], day(1), undefined, undefined],
  ['just before half life', [row('a')], day(4) - 1, undefined, undefined],
  ['half life', [row('a')], day(4), undefined, { do: 'prepare' }],
  ['a successor before three quarters', [row('a'), prepared('b')], day(6) - 1, day(4), undefined],
  ['a successor at three quarters', [row('a'), prepared('b')], day(6), day(4), { do: 'activate', keyId: 'b' }],
  ['XC-14: a successor never seen published', [row('a'), prepared('b')], day(7), undefined, undefined],
  ['XC-14: a successor published too shortly', [row('a'), prepared('b')], day(7), day(7) - PROPAGATION_MS + 1, undefined],
  [
    'XC-14: a successor published just long enough',
    [row('a'), prepared('b')],
    day(7),
    day(7) - PROPAGATION_MS,
    { do: 'activate', keyId: 'b' },
  ],
  ['the active one ended, successor unpublished', [row('a'), prepared('b')], day(8), undefined, { do: 'activate', keyId: 'b' }],
  ['the active one ended, no successor', [row('a')], day(8), undefined, { do: 'prepare' }],
  [
    'a crash between taking over and stepping down',
    [row('a'), row('b', { activatedAtMs: day(6) })],
    day(6),
    undefined,
    { do: 'retire', keyId: 'a' },
  ],
  ['a successor that ended unused', [row('a'), prepared('b', { notAfterMs: day(1) })], day(1), undefined, { do: 'retire', keyId: 'b' }],
  [
    'an active one whose validity began long before it was made',
    [row('a', { notBeforeMs: NOW_MS - 8 * DAY_MS })],
    day(4) - 1,
    undefined,
    undefined,
  ],
  ['an early successor, published too shortly', [row('a'), prepared('b', { early: true })], day(5), day(5) - 1, undefined],
  [
    'an early successor, published just long enough',
    [row('a'), prepared('b', { early: true })],
    day(5),
    day(5) - PROPAGATION_MS,
    { do: 'activate', keyId: 'b' },
  ],
  ['the active one tainted, no successor', [tainted('a')], day(1), undefined, { do: 'prepare' }],
  [
    'the active one tainted, a successor never seen published',
    [tainted('a'), prepared('b')],
    day(4),
    undefined,
    { do: 'activate', keyId: 'b' },
  ],
  ['a tainted one, its last leaf alive', [tainted('a'), row('b')], day(2) - 1, undefined, undefined],
  ['a tainted one, replaced less than a refresh ago', [tainted('a'), row('b')], day(1) + REFRESH_MS - 1, day(0), undefined],
  ['a tainted one, replaced a refresh ago', [tainted('a'), row('b')], day(1) + REFRESH_MS, day(0), { do: 'revoke', keyId: 'a' }],
  ['a tainted one, the one in its place published too shortly', [tainted('a'), row('b')], day(1.5), day(1.5) - REFRESH_MS + 1, undefined],
  [
    'a tainted one, the one in its place published for a refresh',
    [tainted('a'), row('b')],
    day(1.5),
    day(1.5) - REFRESH_MS,
    { do: 'revoke', keyId: 'a' },
  ],
  ['a tainted one, its last leaf gone', [tainted('a'), row('b')], day(2), undefined, { do: 'revoke', keyId: 'a' }],
  [
    'tainted after it was retired',
    [row('a', { stage: 'tainted', retiredAtMs: day(0.5), taintedAtMs: day(1) }), row('b')],
    day(1.5),
    undefined,
    { do: 'revoke', keyId: 'a' },
  ],
  [
    'tainted without ever signing',
    [row('a', { stage: 'tainted', activatedAtMs: null, taintedAtMs: day(1) }), row('b')],
    day(1),
    undefined,
    { do: 'revoke', keyId: 'a' },
  ],
  [
    'two successors: the newer',
    [row('a'), prepared('b'), prepared('c', { preparedAtMs: day(5) })],
    day(8),
    undefined,
    { do: 'activate', keyId: 'c' },
  ],
])('XC-14, FD-10: %s', (_, rows, nowMs, publishedAtMs, expected) => {
  expect(nextStep(rows, nowMs, published(publishedAtMs), 'always')).toEqual(expected);
  expect(nextStep([...rows].reverse(), nowMs, published(publishedAtMs), 'always')).toEqual(expected);
});

/** What differs where rules ask for an authority, and where none does any more. */
it.each<[string, Need, readonly AuthorityRow[], number, number | undefined, Step | undefined]>([
  ['nothing there', 'none', [], day(0), undefined, undefined],
  ['nothing there', 'asked', [], day(0), undefined, { do: 'prepare' }],
  ['the first one, never seen published', 'asked', [prepared('a')], day(4), undefined, undefined],
  ['the first one, published too shortly', 'asked', [prepared('a')], day(5), day(5) - PROPAGATION_MS + 1, undefined],
  ['the first one, published long enough', 'asked', [prepared('a')], day(5), day(5) - PROPAGATION_MS, { do: 'activate', keyId: 'a' }],
  ['one that an administrator prepared', 'none', [prepared('a')], day(5), day(5) - PROPAGATION_MS, { do: 'activate', keyId: 'a' }],
  ['half life', 'asked', [row('a')], day(4), undefined, { do: 'prepare' }],
  ['half life', 'none', [row('a')], day(4), undefined, undefined],
  ['the active one ended', 'asked', [row('a')], day(8), undefined, { do: 'prepare' }],
  ['the active one ended', 'none', [row('a')], day(8), undefined, { do: 'retire', keyId: 'a' }],
  ['a successor before three quarters', 'none', [row('a'), prepared('b')], day(6) - 1, day(4), undefined],
  ['a successor at three quarters', 'none', [row('a'), prepared('b')], day(6), day(4), { do: 'activate', keyId: 'b' }],
  ['the active one ended, successor unpublished', 'asked', [row('a'), prepared('b')], day(8), undefined, { do: 'activate', keyId: 'b' }],
  ['one tainted that signed', 'asked', [tainted('a'), prepared('b')], day(1), undefined, { do: 'activate', keyId: 'b' }],
  [
    'one tainted before it signed',
    'asked',
    [row('a', { stage: 'tainted', activatedAtMs: null, taintedAtMs: day(1) }), prepared('b', { notAfterMs: day(9) })],
    day(1),
    undefined,
    { do: 'revoke', keyId: 'a' },
  ],
  ['one tainted that nobody needs', 'none', [tainted('a')], day(1), undefined, undefined],
  ['one retired long ago', 'asked', [row('a', { stage: 'retired', retiredAtMs: day(1) }), prepared('b')], day(4), undefined, undefined],
])('XC-14, FD-10: %s, needed: %s', (_, need, rows, nowMs, publishedAtMs, expected) => {
  expect(nextStep(rows, nowMs, published(publishedAtMs), need)).toEqual(expected);
});

it.each<[string, AuthorityRow, number, boolean]>([
  ['prepared', prepared('a'), day(4), true],
  ['prepared and ended', prepared('a'), day(12), false],
  ['active', row('a'), day(1), true],
  ['active though ended', row('a'), day(9), true],
  ['retired, its last leaf alive', row('a', { stage: 'retired', retiredAtMs: day(6) }), day(7) - 1, true],
  ['retired, its last leaf gone', row('a', { stage: 'retired', retiredAtMs: day(6) }), day(7), false],
  ['retired and ended', row('a', { stage: 'retired', retiredAtMs: day(7.5) }), day(8), false],
  ['retired without ever signing', row('a', { stage: 'retired', activatedAtMs: null, retiredAtMs: day(6) }), day(6), false],
  ['JWT, its last token alive', row('a', { kind: 'jwt', stage: 'retired', retiredAtMs: day(6) }), day(6) + 3_599_999, true],
  ['JWT, its last token gone', row('a', { kind: 'jwt', stage: 'retired', retiredAtMs: day(6) }), day(6) + 3_600_000, false],
  ['tainted, its last leaf gone', tainted('a'), day(7), true],
  ['tainted and ended', tainted('a'), day(8), false],
  ['revoked, its last leaf alive', row('a', { stage: 'revoked', taintedAtMs: day(1), revokedAtMs: day(1) }), day(1), false],
])('XC-14, FD-11: publication of one that is %s', (_, one, nowMs, expected) => {
  expect(isPublished(one, nowMs)).toBe(expected);
});

it.each<[string, Partial<AuthoritySettings>, boolean]>([
  ['the defaults', {}, true],
  ['a minute', { lifetimeMs: { x509: 60_000, jwt: 60_000 }, propagationMs: 7_500, refreshHintSeconds: 5 }, true],
  ['parts of a second', { lifetimeMs: { x509: 7 * DAY_MS + 1, jwt: DAY_MS } }, false],
  ['no number', { lifetimeMs: { x509: Number.NaN, jwt: DAY_MS } }, false],
  ['a propagation longer than what is left for it', { propagationMs: 2 * DAY_MS }, false],
  ['a negative propagation', { propagationMs: -1 }, false],
  ['a refresh hint longer than the propagation', { refreshHintSeconds: 301 }, false],
  ['no refresh hint', { refreshHintSeconds: 0 }, false],
])('settings: %s', (_, changes, accepted) => {
  const check = (): void => checkAuthoritySettings({ ...SETTINGS, ...changes });
  if (accepted) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});
