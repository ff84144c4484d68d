import { stepsOf } from '../../src/authority/orders';
import { type AuthorityOrder, STAGES_BEFORE } from '../../src/domain/authority-life';
import type { AuthorityRow, AuthorityStage } from '../../src/domain/authority-row';
import { DAY_MS, NOW_MS } from './fixture';

const PROPAGATION_MS = 300_000;
const day = (n: number): number => NOW_MS + n * DAY_MS;

/** Made on day 0, and lives until day 8. */
const row = (keyId: string, stage: AuthorityStage, changes: Partial<AuthorityRow> = {}): AuthorityRow => ({
  keyId,
  kind: 'x509',
  stage,
  public: Buffer.alloc(0),
  notBeforeMs: day(0),
  notAfterMs: day(8),
  preparedAtMs: day(0),
  activatedAtMs: stage === 'prepared' ? null : day(0),
  retiredAtMs: null,
  taintedAtMs: null,
  revokedAtMs: null,
  early: false,
  ...changes,
});
const active = row('aaaa', 'active');
const prepared = row('bbbb', 'prepared');
const retired = row('cccc', 'retired', { retiredAtMs: day(1) });
const tainted = row('dddd', 'tainted', { taintedAtMs: day(1) });
const revoked = row('eeee', 'revoked', { revokedAtMs: day(1) });

const judge = (order: AuthorityOrder, rows: readonly AuthorityRow[], nowMs: number, publishedAtMs?: number) =>
  stepsOf(order, { rows, nowMs, propagationMs: PROPAGATION_MS, refreshHintMs: 60_000, publishedAtMs: () => publishedAtMs });

test.each<[string, AuthorityOrder, readonly AuthorityRow[], number, number | undefined, readonly object[]]>([
  [
    'prepare without a successor',
    { do: 'prepare', kinds: ['x509'] },
    [active],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'prepare' }, early: false }],
  ],
  [
    'rotate without a successor',
    { do: 'rotate', kinds: ['x509'] },
    [active],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'prepare' }, early: true }],
  ],
  [
    'rotate with a successor',
    { do: 'rotate', kinds: ['x509'] },
    [active, prepared],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'hasten', keyId: 'bbbb' } }],
  ],
  ['rotate twice', { do: 'rotate', kinds: ['x509'] }, [active, { ...prepared, early: true }], day(1), undefined, []],
  [
    'activate what was published long enough',
    { do: 'activate', keyId: 'bbbb' },
    [active, prepared],
    day(1),
    day(1) - PROPAGATION_MS,
    [{ kind: 'x509', step: { do: 'activate', keyId: 'bbbb' } }],
  ],
  [
    'taint what signs',
    { do: 'taint', keyId: 'aaaa' },
    [active],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'taint', keyId: 'aaaa' } }],
  ],
  [
    'taint what is prepared',
    { do: 'taint', keyId: 'bbbb' },
    [prepared],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'taint', keyId: 'bbbb' } }],
  ],
  [
    'taint what is retired',
    { do: 'taint', keyId: 'cccc' },
    [retired],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'taint', keyId: 'cccc' } }],
  ],
  [
    'revoke what is tainted, its leaves alive',
    { do: 'revoke', keyId: 'dddd' },
    [tainted],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'revoke', keyId: 'dddd' } }],
  ],
  ['revoke what was revoked by itself', { do: 'revoke', keyId: 'eeee' }, [revoked], day(1), undefined, []],
  [
    'revoke what never signed',
    { do: 'revoke', keyId: 'bbbb' },
    [prepared],
    day(1),
    undefined,
    [{ kind: 'x509', step: { do: 'revoke', keyId: 'bbbb' } }],
  ],
  [
    'revoke what is retired, its leaves gone',
    { do: 'revoke', keyId: 'cccc' },
    [retired],
    day(2),
    undefined,
    [{ kind: 'x509', step: { do: 'revoke', keyId: 'cccc' } }],
  ],
])('%s', (_, order, rows, nowMs, publishedAtMs, expected) => {
  expect(judge(order, rows, nowMs, publishedAtMs)).toEqual(expected);
});

test.each<[string, AuthorityOrder, readonly AuthorityRow[], number, number | undefined, object]>([
  ['prepare with a successor', { do: 'prepare', kinds: ['x509'] }, [active, prepared], day(1), undefined, { code: 'E_AUTHORITY_STAGE' }],
  [
    'activate before it was seen published',
    { do: 'activate', keyId: 'bbbb' },
    [active, prepared],
    day(1),
    undefined,
    { code: 'E_AUTHORITY_UNPUBLISHED', explanation: expect.objectContaining({ why: expect.stringContaining('nobody has seen it') }) },
  ],
  [
    'activate before propagation',
    { do: 'activate', keyId: 'bbbb' },
    [active, prepared],
    day(1),
    day(1) - PROPAGATION_MS + 1,
    {
      code: 'E_AUTHORITY_UNPUBLISHED',
      explanation: expect.objectContaining({ why: expect.stringContaining('1 s are left of the 300 s') }),
    },
  ],
  ['activate what has ended', { do: 'activate', keyId: 'bbbb' }, [active, prepared], day(8), day(1), { code: 'E_AUTHORITY_STAGE' }],
  ['revoke what signs', { do: 'revoke', keyId: 'aaaa' }, [active], day(1), undefined, { code: 'E_AUTHORITY_IN_USE' }],
  [
    'revoke what is retired, its leaves alive',
    { do: 'revoke', keyId: 'cccc' },
    [retired],
    day(2) - 1,
    undefined,
    { code: 'E_AUTHORITY_IN_USE', explanation: expect.objectContaining({ why: expect.stringContaining(new Date(day(2)).toISOString()) }) },
  ],
  ['what is not there', { do: 'taint', keyId: 'ffff' }, [active], day(1), undefined, { code: 'E_NOT_FOUND' }],
])('XC-14: refused: %s', (_, order, rows, nowMs, publishedAtMs, expected) => {
  expect(() => judge(order, rows, nowMs, publishedAtMs)).toThrow(expect.objectContaining(expected));
});

test('an order never takes a stage back', () => {
  const stages = { activate: 'active', taint: 'tainted', revoke: 'revoked' } as const;
  for (const one of [active, prepared, retired, tainted, revoked]) {
    for (const verb of ['activate', 'taint', 'revoke'] as const) {
      if (STAGES_BEFORE[stages[verb]].includes(one.stage) || (verb === 'revoke' && ['active', 'revoked'].includes(one.stage))) continue;
      expect(() => judge({ do: verb, keyId: one.keyId }, [one], day(3), day(0))).toThrow(
        expect.objectContaining({ code: 'E_AUTHORITY_STAGE' }),
      );
    }
  }
});
