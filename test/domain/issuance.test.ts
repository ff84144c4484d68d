import type { CredentialRow, LineageEntry } from '../../src/domain/lineage';
import type { X509Plan } from '../../src/domain/issuance';
import { Checked, plan, record, Recorded, release, selfCheck, sign, Signed } from '../../src/domain/issuance';

const PLAN: X509Plan = {
  kind: 'x509-svid',
  spiffeId: 'spiffe://example.org/agent/ana',
  publicKey: Buffer.alloc(65),
  serial: '4'.repeat(32),
  issuedAtMs: 5,
  notBeforeMs: 1000,
  notAfterMs: 2000,
  authorityKeyId: 'a',
};
const credential: CredentialRow = {
  serial: PLAN.serial,
  kind: PLAN.kind,
  spiffeId: PLAN.spiffeId,
  audience: [],
  issuedAtMs: PLAN.issuedAtMs,
  notBeforeMs: PLAN.notBeforeMs,
  notAfterMs: PLAN.notAfterMs,
  authorityKeyId: PLAN.authorityKeyId,
  publicKeySha256: 'b',
  processKey: 'c',
  agentId: 'd',
  delegationId: 'e',
  evidenceDigest: 'f',
  ruleName: 'g',
  ruleVersion: 1,
  deviceId: 'h',
  record: Buffer.alloc(0),
};
const entryOf = (changes: Partial<CredentialRow> = {}) => ({ fact: { credential: { ...credential, ...changes } } });
const BYTES = Buffer.from('signed');
const signer = { sign: (): Buffer => BYTES };
const checked = async (): Promise<Checked<X509Plan>> => selfCheck(await sign(plan({ ...PLAN }), signer), () => undefined);

it('takes the steps in their order and hands out exactly what was signed', async () => {
  const steps: string[] = [];
  const planned = plan({ ...PLAN });
  const signed = await sign(planned, { sign: (p) => (steps.push('sign'), expect(p).toBe(planned.plan), BYTES) });
  const passed = selfCheck(signed, (p, bytes) => void (steps.push('check'), expect(p).toBe(planned.plan), expect(bytes).toBe(BYTES)));
  const recorded = await record(passed, entryOf(), async () => void steps.push('record'));
  expect(release(recorded).encoded).toBe(BYTES);
  expect(steps).toEqual(['sign', 'check', 'record']);
});

it('waits for the record: nothing is released while it is pending, nor when it fails', async () => {
  let durable: () => void = () => undefined;
  let done = false;
  const recording = record(await checked(), entryOf(), () => new Promise<void>((resolve) => (durable = resolve))).then((r) => {
    done = true;
    return r;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  durable();
  expect(release(await recording).encoded).toBe(BYTES);
  const failing = record(await checked(), entryOf(), () => Promise.reject(new Error('down')));
  await expect(failing).rejects.toThrow('down');
});

it('accepts a signer that answers later, and passes its failure on', async () => {
  const planned = plan({ ...PLAN });
  expect(await sign(planned, { sign: () => Promise.resolve(BYTES) })).toBeInstanceOf(Signed);
  await expect(sign(planned, { sign: () => Promise.reject(new Error('no key')) })).rejects.toThrow('no key');
});

it('freezes the plan, so that nothing changes between plan and record', () => {
  const planned = plan({ ...PLAN });
  expect(Object.isFrozen(planned.plan)).toBe(true);
  expect(() => Object.assign(planned.plan, { serial: '5'.repeat(32) })).toThrow(TypeError);
});

it('stops at the self-check, naming the difference', async () => {
  const signed = await sign(plan({ ...PLAN }), signer);
  expect(() => selfCheck(signed, () => 'issuer')).toThrow(
    expect.objectContaining({ code: 'E_SELF_CHECK', explanation: expect.objectContaining({ saw: 'issuer' }) }),
  );
});

it.each<[keyof CredentialRow, CredentialRow[keyof CredentialRow]]>([
  ['serial', '5'.repeat(32)],
  ['spiffeId', 'spiffe://example.org/agent/bob'],
  ['kind', 'jwt-svid'],
  ['notAfterMs', 3000],
  ['notBeforeMs', 0],
  ['issuedAtMs', 6],
  ['authorityKeyId', 'z'],
])('does not take the record of another credential: %s', async (field, value) => {
  const written: LineageEntry[] = [];
  const recording = record(await checked(), entryOf({ [field]: value }), async (entry) => void written.push(entry));
  await expect(recording).rejects.toMatchObject({ code: 'E_SELF_CHECK' });
  expect(written).toEqual([]);
});

it('cannot be entered at a later stage at run time either', async () => {
  const forged = Symbol('issuance') as never;
  expect(() => new Recorded(forged, PLAN, BYTES)).toThrow();
  expect(() => Signed.encoded(forged, void 0 as never)).toThrow();
  const passed = await checked();
  expect(() => Checked.encoded(forged, passed)).toThrow();
  expect(JSON.stringify(passed)).not.toContain(JSON.stringify(BYTES.toJSON().data).slice(1, 10));
});
