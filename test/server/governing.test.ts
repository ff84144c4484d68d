import { conditionHolds, compileCondition } from '../../src/domain/condition';
import { encodeEvidence, type Evidence } from '../../src/domain/evidence';
import type { DeviceRow, LineageEntry } from '../../src/domain/lineage';
import { MandateError } from '../../src/domain/errors';
import { DeviceSession, type DeviceSessionParts } from '../../src/server/device-session';
import { CONFIGURATION } from '../../src/domain/configuration';
import { Living } from '../../src/server/living';
import { systemRandom } from '../../src/system/random';
import { BOOT, evidence } from '../domain/samples';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const governed = (sha256: string | undefined, process = 1): Evidence =>
  evidence(
    { 'user.uid': '1000', ...(sha256 !== undefined && { [CONFIGURATION]: sha256 }) },
    { processKey: `${BOOT}:${process}`, pid: process },
  );

/** A session of one device, and what it puts on record. */
function session() {
  const recorded: LineageEntry[] = [];
  const database = { down: false };
  const living = new Living({ id: 'device' } as DeviceRow);
  const parts = {
    living,
    clock: { nowMs: () => 1 },
    random: systemRandom,
    lineage: {
      append: async (entry: LineageEntry) => {
        if (database.down) throw new MandateError('E_DB_DOWN');
        recorded.push(entry);
      },
    },
  } as unknown as DeviceSessionParts;
  const device = new DeviceSession(parts);
  const offer = async (of: Evidence) => {
    const { bytes, digest } = encodeEvidence(of);
    const ref = { digest: Buffer.from(digest, 'hex'), canonical: bytes, viaProcessKey: '' };
    return device.attested(ref as unknown as Parameters<DeviceSession['attested']>[0]);
  };
  const changes = () =>
    recorded.map(({ fact }) =>
      'event' in fact ? (JSON.parse(fact.event.record.toString()) as { data: object; kind: string }) : undefined,
    );
  return { offer, changes, recorded, database, living };
}

const holds = (process: { facts: Parameters<typeof conditionHolds>[1] }, sha256: string): boolean =>
  conditionHolds(
    compileCondition(CONFIGURATION, [sha256], () => undefined),
    process.facts,
  );

test('what governs an agent counts as long as it stays what it was', async () => {
  const { offer, changes } = session();
  expect(holds(await offer(governed(A)), A)).toBe(true);
  expect(holds(await offer(governed(A)), A)).toBe(true);
  expect(changes()).toEqual([]);
});

test('a change is on record with its evidence, once, and from then on no digest counts, not even the first', async () => {
  const { offer, changes, recorded } = session();
  await offer(governed(A));
  expect(holds(await offer(governed(B)), B)).toBe(false);
  await offer(governed(B));
  expect(holds(await offer(governed(A)), A)).toBe(false);
  await offer(governed(C));
  const { digest } = encodeEvidence(governed(B));
  expect(changes()).toEqual([
    expect.objectContaining({
      kind: 'configuration-changed',
      processKey: `${BOOT}:1`,
      data: { deviceId: 'device', pid: 1, uid: 1000, firstSha256: A, nowSha256: B, evidenceDigest: digest },
    }),
    expect.objectContaining({ data: expect.objectContaining({ firstSha256: A, nowSha256: C }) }),
  ]);
  expect(recorded[0]!.evidence).toEqual([expect.objectContaining({ digest, processKey: `${BOOT}:1` })]);
});

test('a look that found no digest says nothing, and forgets nothing', async () => {
  const { offer, changes } = session();
  await offer(governed(undefined));
  await offer(governed(A));
  await offer(governed(undefined));
  expect(holds(await offer(governed(A)), A)).toBe(true);
  expect(holds(await offer(governed(B)), B)).toBe(false);
  expect(changes()).toHaveLength(1);
});

test('of one process alone', async () => {
  const { offer } = session();
  await offer(governed(A, 1));
  expect(holds(await offer(governed(B, 2)), B)).toBe(true);
});

test('nothing is decided on a change that could not be recorded; it is owed until it is', async () => {
  const { offer, changes, database } = session();
  await offer(governed(A));
  database.down = true;
  await expect(offer(governed(B))).rejects.toMatchObject({ code: 'E_DB_DOWN' });
  await expect(offer(governed(B))).rejects.toMatchObject({ code: 'E_DB_DOWN' });
  database.down = false;
  await offer(governed(B));
  expect(changes()).toHaveLength(1);
});

test('a process that ended is forgotten, and so is one that nobody knows when the node comes back', async () => {
  const { offer, living, changes } = session();
  await offer(governed(A));
  living.ended(`${BOOT}:1`);
  expect(holds(await offer(governed(B)), B)).toBe(true);
  living.relinked();
  expect(holds(await offer(governed(C)), C)).toBe(true);
  expect(changes()).toEqual([]);
});

test('a server that was started anew goes on with what the lineage says', async () => {
  const { offer, living, changes } = session();
  const row = (process: number, last: string, changedAtMs: number | null) => ({
    processKey: `${BOOT}:${process}`,
    first: A,
    last,
    changedAtMs,
  });
  living.restore([], [row(1, A, null), row(2, B, 5)]);
  expect(holds(await offer(governed(A, 1)), A)).toBe(true);
  expect(holds(await offer(governed(A, 2)), A)).toBe(false);
  expect(changes()).toEqual([]);
  await offer(governed(B, 1));
  await offer(governed(B, 2));
  expect(changes()).toEqual([expect.objectContaining({ processKey: `${BOOT}:1` }), expect.objectContaining({ processKey: `${BOOT}:2` })]);
});

test('a change that was recorded before the restart is not recorded again', async () => {
  const { offer, living, changes } = session();
  living.restore([], [{ processKey: `${BOOT}:1`, first: A, last: B, changedAtMs: 5 }]);
  await offer(governed(B));
  expect(changes()).toEqual([]);
});
