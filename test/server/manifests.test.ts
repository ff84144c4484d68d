import type { ManifestRow } from '../../src/domain/manifest';
import type { Clock, ManifestStore, RuleStore } from '../../src/domain/ports';
import type { RuleVersion } from '../../src/domain/rule';
import { FactIndex } from '../../src/domain/facts';
import { Configuration, type Frozen } from '../../src/server/configuration';
import { keysInForce, Manifests } from '../../src/server/manifests';
import { manifestKeyId } from '../../src/verify/manifest-key';
import { RuleChanges } from '../../src/server/rule-changes';
import { Rules } from '../../src/server/rules';
import { DEFAULT_AUTHORITY_CONFIG } from '../../src/domain/authority-config';
import { evidence, HASH, rule } from '../domain/samples';
import { silentLog } from '../silent-log';
import { ALICE, BOB, HASH_A, HASH_B, keyPair, signed } from '../verify/manifest-samples';
import { matchRules } from '../../src/domain/match';
import { MandateError } from '../../src/domain/errors';

/** Rows in memory, kept as the database keeps them: added, never changed. */
class MemoryStore implements ManifestStore {
  rows: ManifestRow[] = [];
  read = (statements: number, name?: string) =>
    Promise.resolve(
      this.rows
        .filter((row) => name === undefined || row.name === name)
        .map((row) => ({ ...row, statements: row.statements.slice(0, statements) })),
    );
  add(row: ManifestRow) {
    this.rows.push(row);
    return Promise.resolve();
  }
  append(name: string, statement: ManifestRow['statements'][number], keys: ManifestRow['keys']) {
    this.rows = this.rows.map((row) => {
      if (row.name !== name) return row;
      const newest = row.statements[0]!.version;
      if (newest >= statement.version) throw new MandateError('E_MANIFEST_ROLLBACK');
      return { ...row, keys: [...row.keys, ...keys], statements: [statement, ...row.statements] };
    });
    return Promise.resolve();
  }
}

/** A clock that stands still until a test moves it. */
class HeldClock implements Clock {
  now = 1_000_000;
  due: { atMs: number; run: () => void } | undefined;
  nowMs = () => this.now;
  monotonicMs = () => this.now;
  after(delayMs: number, run: () => void) {
    const timer = { atMs: this.now + delayMs, run };
    this.due = timer;
    return () => {
      if (this.due === timer) this.due = undefined;
    };
  }
  /** Lets time pass, running what becomes due on the way. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.due && this.due.atMs <= end) {
      const { atMs, run } = this.due;
      this.due = undefined;
      this.now = atMs;
      run();
    }
    this.now = end;
  }
}

const entries = (...hashes: string[]) => hashes.map((sha256, i) => ({ name: `r${i}`, sha256 }));
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: MandateError) => error.code,
  );

let store: MemoryStore;
let manifests: Manifests;
beforeEach(async () => {
  store = new MemoryStore();
  manifests = new Manifests(store, silentLog);
  await manifests.add(signed({ entries: entries(HASH_A) }), [ALICE.key], 'ana', 1);
});
const admitted = (graceSeconds = 0, nowMs = 10) => [
  ...(manifests.standing({ manifest: 'claude-code', graceSeconds }, nowMs)?.admits ?? []),
];

test('the first statement must be signed by one of the keys that are given with it', async () => {
  const other = signed({ name: 'other' }, [BOB]);
  expect(await code(manifests.add(other, [ALICE.key], 'ana', 1))).toBe('E_MANIFEST_SIGNATURE');
  expect(await code(manifests.add(other, [ALICE.key, BOB.key], 'ana', 1))).toBe('accepted');
  expect(manifests.all.map(({ row }) => row.name)).toEqual(['claude-code', 'other']);
});

describe('a newer statement', () => {
  const update = (text: string, name = 'claude-code') => manifests.update(name, text, 'ana', 10_000);

  test('stands in for the one before', async () => {
    const { statement } = await update(signed({ version: 2, entries: entries(HASH_B) }));
    expect(statement).toMatchObject({ version: 2, row: { author: 'ana', acceptedAtMs: 10_000 } });
    expect(admitted()).toEqual([HASH_B]);
  });

  test.each<[string, string, string]>([
    ['by somebody else', signed({ version: 2 }, [BOB]), 'E_MANIFEST_SIGNATURE'],
    ['for another manifest, well signed', signed({ version: 2, name: 'other' }), 'E_MANIFEST_INVALID'],
    ['of another kind', signed({ version: 2, kind: 'configuration' }), 'E_MANIFEST_INVALID'],
    ['for an agent, where there was none', signed({ version: 2, kind: 'configuration', agent: 'codex' }), 'E_MANIFEST_INVALID'],
    ['of the same version with other contents', signed({ entries: entries(HASH_B) }), 'E_MANIFEST_ROLLBACK'],
  ])('%s is refused', async (_name, text, expected) => {
    expect(await code(update(text))).toBe(expected);
    expect(admitted()).toEqual([HASH_A]);
  });

  test('is not followed by an older one, and once more changes nothing', async () => {
    const third = signed({ version: 3, entries: entries(HASH_B) });
    await update(third);
    expect(await code(update(signed({ version: 2, entries: entries(HASH_A) })))).toBe('E_MANIFEST_ROLLBACK');
    expect(await code(update(signed({ entries: entries(HASH_A) })))).toBe('E_MANIFEST_ROLLBACK');
    expect((await update(third)).statement.version).toBe(3);
    expect(store.rows[0]!.statements.map(({ version }) => version)).toEqual([3, 1]);
  });

  test('of a manifest that is not there', async () => expect(await code(update(signed(), 'nobody'))).toBe('E_NOT_FOUND'));

  test('keeps nothing that DSSE lets stand beside payload and signatures', async () => {
    const text = signed({ version: 2 }).replace('{', `{"more":"${'x'.repeat(1000)}",`);
    expect((await update(text)).statement.row.envelope).toBe(signed({ version: 2 }));
  });
});

describe('keys that follow one another', () => {
  const update = (text: string, named: (typeof ALICE.key)[] = []) => manifests.update('claude-code', text, 'ana', 10_000, named);
  const inForce = () => keysInForce(manifests.get('claude-code')!).map(manifestKeyId);
  const handing = signed({ version: 2, keys: [BOB.key] }, [ALICE, BOB]);

  test('a key hands over to another that signs as well; from then on that one signs, and it alone', async () => {
    expect((await update(handing)).statement.keyId).toBe(manifestKeyId(ALICE.key));
    expect(inForce()).toEqual([manifestKeyId(BOB.key)]);
    expect(await code(update(signed({ version: 3 })))).toBe('E_MANIFEST_SIGNATURE');
    expect(await code(update(signed({ version: 3, entries: entries(HASH_B) }, [BOB])))).toBe('accepted');
    expect(admitted()).toEqual([HASH_B]);
    const later = new Manifests(store, silentLog);
    await later.load();
    expect(later.all).toEqual(manifests.all);
    expect(later.get('claude-code')!.statements).toHaveLength(3);
  });

  test('the statement that handed over is still the one in force, once more', async () => {
    await update(handing);
    expect((await update(handing)).statement.version).toBe(2);
    expect(inForce()).toEqual([manifestKeyId(BOB.key)]);
  });

  test.each<[string, string, string]>([
    ['by the new key alone', signed({ version: 2, keys: [BOB.key] }, [BOB]), 'E_MANIFEST_SIGNATURE'],
    ['to a key that did not sign', signed({ version: 2, keys: [BOB.key] }), 'E_MANIFEST_SIGNATURE'],
  ])('handing over %s is refused', async (_name, text, expected) => {
    expect(await code(update(text))).toBe(expected);
    expect(inForce()).toEqual([manifestKeyId(ALICE.key)]);
  });

  test('an administrator names another key: its statement is accepted, and the old key counts no more', async () => {
    const byBob = signed({ version: 2, entries: entries(HASH_B) }, [BOB]);
    expect(await code(update(byBob))).toBe('E_MANIFEST_SIGNATURE');
    expect(await code(update(byBob, [BOB.key]))).toBe('accepted');
    expect(await code(update(signed({ version: 3 })))).toBe('E_MANIFEST_SIGNATURE');
    expect(inForce()).toEqual([manifestKeyId(BOB.key)]);
  });

  test('naming a key does not bring back what is older', async () => {
    await update(signed({ version: 5 }));
    expect(await code(update(signed({ version: 4 }, [BOB]), [BOB.key]))).toBe('E_MANIFEST_ROLLBACK');
    expect(inForce()).toEqual([manifestKeyId(ALICE.key)]);
  });

  test('keys that are named stand in for those that were handed over to, never beside them', async () => {
    const carol = keyPair(3);
    await update(handing);
    expect(await code(update(signed({ version: 3 }, [carol]), [carol.key]))).toBe('E_MANIFEST_INVALID');
    expect(await code(update(signed({ version: 4 }, [carol]), [carol.key]))).toBe('accepted');
    expect(inForce()).toEqual([manifestKeyId(carol.key)]);
  });

  test('rows that hand over to somebody else admit nothing', async () => {
    await update(handing);
    store.rows = store.rows.map((row) => ({ ...row, keys: row.keys.map((key) => ({ ...key, bytes: ALICE.key.bytes })) }));
    const later = new Manifests(store, silentLog);
    await later.load();
    expect(later.get('claude-code')!.statements).toEqual([]);
  });
});

describe('statements that expire', () => {
  const update = (text: string, atMs: number) => manifests.update('claude-code', text, 'ana', atMs);
  const brief = signed({ version: 2, entries: entries(HASH_B), expiresAtMs: 20_000 });

  test('are accepted before that instant, and not at it', async () => {
    expect(await code(update(brief, 20_000))).toBe('E_MANIFEST_EXPIRED');
    expect(await code(manifests.add(signed({ name: 'b', expiresAtMs: 20_000 }), [ALICE.key], 'ana', 20_000))).toBe('E_MANIFEST_EXPIRED');
    expect(await code(update(brief, 19_999))).toBe('accepted');
  });

  test('admit nothing from then on, and in a grace what they listed', async () => {
    await update(brief, 10_000);
    expect(admitted(0, 19_999)).toEqual([HASH_B]);
    expect(admitted(0, 20_000)).toEqual([]);
    expect(admitted(60, 20_000)).toEqual([HASH_B, HASH_A]);
    expect(admitted(60, 70_000)).toEqual([HASH_B]);
    expect(admitted(60, 80_000)).toEqual([]);
  });

  test('a newer one ends that', async () => {
    await update(brief, 10_000);
    await update(signed({ version: 3, entries: entries(HASH_B) }), 90_000);
    expect(admitted(0, 90_000)).toEqual([HASH_B]);
  });
});

describe('what the database hands back is verified again', () => {
  test.each<[string, (row: ManifestRow) => ManifestRow]>([
    [
      'a payload that was changed',
      (row) => ({ ...row, statements: [{ ...row.statements[0]!, envelope: signed({ entries: entries(HASH_B) }, [BOB]) }] }),
    ],
    ['another key', (row) => ({ ...row, keys: [{ ...BOB.key, fromVersion: 1 }] })],
    ['an envelope under another name', (row) => ({ ...row, statements: [{ ...row.statements[0]!, envelope: signed({ name: 'other' }) }] })],
    ['an older one as a newer', (row) => ({ ...row, statements: [{ ...row.statements[0]!, version: 9 }] })],
    ['nonsense', (row) => ({ ...row, statements: [{ ...row.statements[0]!, envelope: '' }] })],
  ])('%s: admits nothing, and is not built upon', async (_name, change) => {
    store.rows = store.rows.map(change);
    const later = new Manifests(store, silentLog);
    await later.load();
    expect(later.get('claude-code')?.statements).toEqual([]);
    expect(later.standing({ manifest: 'claude-code', graceSeconds: 99 }, 1)).toBeUndefined();
    expect(await code(later.update('claude-code', signed({ version: 10 }), 'ana', 1))).toBe('E_INTEGRITY');
  });

  test('what is whole comes back', async () => {
    const later = new Manifests(store, silentLog);
    await later.load();
    expect(later.all).toEqual(manifests.all);
  });
});

describe('rules by manifest', () => {
  const named = rule('a', { 'binary.sha256': { manifest: 'claude-code', graceSeconds: 60 } });
  const file = (manifest: string) => [
    {
      fileName: 'a.yaml',
      text: `apiVersion: mandate/v1\nkind: Rule\nname: a\nmatch: { binary.sha256: { manifest: ${manifest}, grace: 60s } }\nissue: { id: /a }\n`,
      includes: {},
    },
  ];
  let clock: HeldClock;
  let rules: Rules;
  let applied: number;
  beforeEach(async () => {
    clock = new HeldClock();
    applied = 0;
    const ruleStore: RuleStore = {
      current: () => Promise.resolve<readonly RuleVersion[]>([named]),
      versions: () => Promise.resolve([]),
      apply: () => Promise.resolve<readonly RuleVersion[]>((applied++, [named])),
    };
    rules = new Rules(ruleStore, 'td.test', manifests, clock, DEFAULT_AUTHORITY_CONFIG);
    await rules.load();
  });
  const admits = (sha256: string): boolean => {
    const facts = new FactIndex(evidence({ 'binary.sha256': sha256 }));
    return matchRules(rules.compiled, facts, { delegator: null, given: null, device: 'declared' }).identities.length > 0;
  };

  test('an unknown name is refused when a rule is applied, and nothing is stored', async () => {
    expect(await code(rules.apply(file('claude-cod'), 'ana', 1))).toBe('E_RULE_INVALID');
    expect(applied).toBe(0);
    await rules.apply(file('claude-code'), 'ana', 1);
    expect(applied).toBe(1);
  });

  test('the end of a grace is put into force by the clock, and whose answer it alters is poked', async () => {
    const configuration = new Configuration({ rules: rules.compiled } as Frozen);
    const told: unknown[] = [];
    const node = { session: { changedByRules: () => ['p'] } as never, tell: (body: unknown) => void told.push(body) };
    const changes = new RuleChanges({ rules, configuration, node, clock });
    changes.awaitGrace();
    expect(clock.due).toBeUndefined();

    await manifests.update('claude-code', signed({ version: 2, entries: entries(HASH_B) }), 'ana', clock.now);
    expect(admits(HASH_B)).toBe(false);
    rules.recompile();
    changes.take();
    expect([admits(HASH_A), admits(HASH_B), admits(HASH)]).toEqual([true, true, false]);
    expect(told).toHaveLength(1);

    clock.pass(59_999);
    expect([admits(HASH_A), configuration.freeze().rules === rules.compiled]).toEqual([true, true]);
    clock.pass(1);
    expect([admits(HASH_A), admits(HASH_B)]).toEqual([false, true]);
    expect(configuration.freeze().rules).toBe(rules.compiled);
    expect(told).toEqual([
      { case: 'poke', value: { processKeys: ['p'] } },
      { case: 'poke', value: { processKeys: ['p'] } },
    ]);
    expect(clock.due).toBeUndefined();
    changes.close();
  });
});
