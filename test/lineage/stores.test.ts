import pg from 'pg';
import type { AuthorityRow } from '../../src/domain/authority-row';
import type { Rule } from '../../src/domain/rule';
import { canonicalJson } from '../../src/domain/canonical';
import { createHash } from 'node:crypto';
import { type Lineage, openLineage } from '../../src/lineage/lineage';
import { systemClock } from '../../src/system/clock';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';
import { id } from './lineage-rows';

let database: FreshDatabase;
let lineage: Lineage;
beforeAll(async () => {
  database = await freshDatabase();
  lineage = await openLineage({ url: database.urls.server, clock: systemClock, log: silentLog });
});
afterAll(async () => {
  await lineage.close();
  await database.drop();
});

const asOwner = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: database.urls.owner });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

const rule = (name: string, over: Partial<Rule> = {}): { rule: Rule; contentSha256: string; canonical: string } => {
  const whole: Rule = {
    name,
    priority: 0,
    disabled: false,
    match: { 'user.name': ['ana', "o'neill", 'b"c\\'] },
    require: { process: 'measured' },
    issue: { id: '/agent/{user}', hint: '', x509TtlSeconds: 900, jwtTtlSeconds: 300, audiences: ['*'] },
    ...over,
  };
  const canonical = canonicalJson(JSON.parse(JSON.stringify(whole)) as Parameters<typeof canonicalJson>[0]);
  return { rule: whole, canonical, contentSha256: createHash('sha256').update(canonical).digest('hex') };
};

describe('rules', () => {
  const current = async () => (await lineage.rules.current()).map((v) => `${v.rule.name} v${v.version}`);

  test('the first version, an unchanged one, a changed one, and the order of precedence', async () => {
    expect(await lineage.rules.current()).toEqual([]);
    const [a, b, c] = [rule('b-rule'), rule('a-rule'), rule('z-rule', { priority: 9 })];
    const applied = await lineage.rules.apply([a, b, c], 'ana (1000)', 1_000);
    expect(applied.map((v) => v.rule.name)).toEqual(['z-rule', 'a-rule', 'b-rule']);
    expect(applied[2]).toEqual({ rule: a.rule, version: 1, contentSha256: a.contentSha256, appliedAtMs: 1_000, author: 'ana (1000)' });

    await lineage.rules.apply([a, b], 'bo', 2_000);
    expect(await current()).toEqual(['z-rule v1', 'a-rule v1', 'b-rule v1']);

    const changed = rule('b-rule', { priority: 99 });
    await lineage.rules.apply([changed, b], 'bo', 3_000);
    expect(await current()).toEqual(['b-rule v2', 'z-rule v1', 'a-rule v1']);
    await lineage.rules.apply([a], 'cy', 4_000); // back to the first content is a third version
    expect((await lineage.rules.versions('b-rule', 10)).map((v) => [v.version, v.author, v.contentSha256])).toEqual([
      [3, 'cy', a.contentSha256],
      [2, 'bo', changed.contentSha256],
      [1, 'ana (1000)', a.contentSha256],
    ]);
    expect(await lineage.rules.versions('b-rule', 1)).toHaveLength(1);
    expect(await lineage.rules.versions('nobody', 10)).toEqual([]);
  });

  test('callers at once are put in an order: one version each', async () => {
    const contents = Array.from({ length: 8 }, (_, priority) => rule('busy', { priority: priority + 1 }));
    await Promise.all(contents.map((content, i) => lineage.rules.apply([content], `writer ${i}`, 5_000)));
    const versions = await lineage.rules.versions('busy', 100);
    expect(versions.map((v) => v.version)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(new Set(versions.map((v) => v.contentSha256)).size).toBe(8);
    expect((await lineage.rules.current()).find((v) => v.rule.name === 'busy')?.version).toBe(8);
  });

  test('all or nothing', async () => {
    const before = await current();
    const broken = { ...rule('broken'), contentSha256: 'abcd' }; // not 32 bytes: refused by the table
    await expect(lineage.rules.apply([rule('whole'), broken], 'ana', 6_000)).rejects.toMatchObject({ code: 'E_INTERNAL' });
    expect(await current()).toEqual(before);
  });
});

describe('authorities', () => {
  const row = (over: Partial<AuthorityRow> = {}): AuthorityRow => ({
    keyId: id().replaceAll('-', ''),
    kind: 'x509',
    stage: 'prepared',
    public: Buffer.from([0, 1, 255]),
    notBeforeMs: 1_000,
    notAfterMs: 9_000,
    preparedAtMs: 1_500,
    activatedAtMs: null,
    retiredAtMs: null,
    taintedAtMs: null,
    revokedAtMs: null,
    early: false,
    ...over,
  });

  test('their stages and when they were reached', async () => {
    const [one, two] = [row(), row({ kind: 'jwt-rs256', preparedAtMs: 1_600 })];
    await lineage.authorities.add(one);
    await lineage.authorities.add(two);
    expect(await lineage.authorities.all()).toEqual([one, two]);
    await lineage.authorities.stage(one.keyId, 'active', 2_000);
    await lineage.authorities.stage(one.keyId, 'retired', 3_000);
    expect((await lineage.authorities.all())[0]).toEqual({ ...one, stage: 'retired', activatedAtMs: 2_000, retiredAtMs: 3_000 });
    await lineage.authorities.stage(one.keyId, 'tainted', 4_000);
    await lineage.authorities.stage(one.keyId, 'revoked', 5_000);
    await lineage.authorities.hasten(two.keyId);
    expect(await lineage.authorities.all()).toEqual([
      { ...one, stage: 'revoked', activatedAtMs: 2_000, retiredAtMs: 3_000, taintedAtMs: 4_000, revokedAtMs: 5_000 },
      { ...two, early: true },
    ]);
    await lineage.authorities.stage(two.keyId, 'active', 6_000);
    // Two servers, or one that was stopped and went on: a stage is never taken back.
    for (const stage of ['active', 'retired', 'tainted'] as const)
      await expect(lineage.authorities.stage(one.keyId, stage, 7_000)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(lineage.authorities.stage(two.keyId, 'revoked', 7_000)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(lineage.authorities.hasten(two.keyId)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(lineage.authorities.stage('unknown', 'active', 1)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(lineage.authorities.add(one)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });

  test('TB-02: the sequence grows with every change, whoever asks, and stays where it is for who only reads', async () => {
    expect(await lineage.authorities.sequence(false)).toBe(0);
    const bumped = await Promise.all(Array.from({ length: 20 }, () => lineage.authorities.sequence(true)));
    expect(new Set(bumped).size).toBe(20);
    const most = Math.max(...bumped);
    expect(await lineage.authorities.sequence(false)).toBe(most);
    expect(await lineage.authorities.sequence(true)).toBeGreaterThan(most);
  });

  test('TB-02: it goes back neither with the clock nor with an older database', async () => {
    const set = async (sequence: string) => asOwner(`UPDATE bundle_state SET sequence = ${sequence}`);
    // The clock was ahead when this number was given, and is right again.
    await set('4000000000');
    expect(await lineage.authorities.sequence(true)).toBe(4_000_000_001);
    // A backup of another day holds a number that was given before.
    const published = Math.floor(Date.now() / 1000) - 1;
    await set(String(published - 86_400));
    expect(await lineage.authorities.sequence(true)).toBeGreaterThan(published);
  });
});

test('of several first starts one names the installation', async () => {
  expect(await lineage.installation.read()).toBeUndefined();
  const wanted = Array.from({ length: 5 }, (_, i) => ({ id: id(), trustDomain: `host-${i}.mandate.internal`, createdAtMs: 7_000 }));
  const made = await Promise.all(wanted.map((installation) => lineage.installation.create(installation)));
  expect(new Set(made.map((installation) => installation.id)).size).toBe(1);
  expect(wanted).toContainEqual(made[0]);
  expect(await lineage.installation.read()).toEqual(made[0]);
});
