import { LeafEncoder } from '../../src/authority/leaf-encoder';
import { x509SelfCheck } from '../../src/authority/x509-self-check';
import { localKey } from '../../src/authority/signing-key';
import { parseCertificate } from '../../src/domain/certificate';
import type { SelfCheck, X509Plan } from '../../src/domain/issuance';
import { generateAgentKey } from '../../src/node/agent-key';
import type { TestRoot } from './fixture';
import { DAY_MS, makeRoot, NOW_MS, x509Plan } from './fixture';

let root: TestRoot;
let other: TestRoot;
let encoder: LeafEncoder;

beforeAll(async () => {
  root = await makeRoot();
  other = await makeRoot();
  encoder = new LeafEncoder({ key: localKey(root.key), name: root.certificate.subject, keyId: root.keyId });
});

const freshCheck = (): SelfCheck<X509Plan> =>
  x509SelfCheck({ name: root.certificate.subject, keyId: root.keyId, publicKey: root.publicKey, notAfterMs: root.certificate.notAfterMs });

/** A check whose one sampled verification is used up, so that only the walk can find a fault. */
function walkOnly(): SelfCheck<X509Plan> {
  const check = freshCheck();
  const plan = x509Plan(root);
  expect(check(plan, encoder.sign(plan) as Buffer)).toBeUndefined();
  return check;
}

it.each([20, 127, 128, 200, 255, 256, 2048])('finds nothing where the leaf is as planned (SPIFFE ID of %i bytes)', (bytes) => {
  const plan = x509Plan(root, { spiffeId: `spiffe://a/${'x'.repeat(bytes - 11)}` });
  expect(freshCheck()(plan, encoder.sign(plan) as Buffer)).toBeUndefined();
});

it('finds every change of one bit in what was signed, without verifying the signature', () => {
  const check = walkOnly();
  for (const spiffeId of ['spiffe://example.org/agent/ana', `spiffe://example.org/${'x'.repeat(300)}`]) {
    const plan = x509Plan(root, { spiffeId });
    const leaf = encoder.sign(plan) as Buffer;
    const end = leaf.length - parseCertificate(leaf).signature.length;
    for (let at = 0; at < end; at++) {
      for (let bit = 0; bit < 8; bit++) {
        leaf[at]! ^= 1 << bit;
        if (check(plan, leaf) === undefined) throw new Error(`bit ${bit} of byte ${at} passed`);
        leaf[at]! ^= 1 << bit;
      }
    }
    expect(check(plan, leaf)).toBeUndefined();
  }
});

it('finds every truncation and a trailing byte', () => {
  const check = walkOnly();
  const plan = x509Plan(root);
  const leaf = encoder.sign(plan) as Buffer;
  for (let length = 0; length < leaf.length; length++) expect(check(plan, leaf.subarray(0, length))).toBeDefined();
  expect(check(plan, Buffer.concat([leaf, Buffer.alloc(1)]))).toBeDefined();
});

it.each<[string, string, () => Partial<X509Plan>]>([
  ['serial', 'serial number', () => ({ serial: '4'.repeat(32) })],
  ['key', 'public key', () => ({ publicKey: generateAgentKey().point })],
  ['SPIFFE ID', 'SPIFFE ID', () => ({ spiffeId: 'spiffe://example.org/agent/bob' })],
  ['shorter SPIFFE ID', 'SPIFFE ID', () => ({ spiffeId: 'spiffe://example.org/agent/an' })],
  ['end of its own SPIFFE ID', 'SPIFFE ID', () => ({ spiffeId: 'example.org/agent/ana' })],
  ['beginning', 'not before', () => ({ notBeforeMs: NOW_MS - 11_000 })],
  ['end', 'not after', () => ({ notAfterMs: NOW_MS + 901_000 })],
  ['authority', 'authority', () => ({ authorityKeyId: '00'.repeat(20) })],
])('names the field where a plan of another %s is signed for', (_, field, changes) => {
  const plan = x509Plan(root);
  expect(walkOnly()({ ...plan, ...changes() }, encoder.sign(plan) as Buffer)).toBe(field);
});

it('finds a leaf that another authority issued, or with its key under our name', () => {
  const plan = x509Plan(root);
  const foreign = new LeafEncoder({ key: localKey(other.key), name: other.certificate.subject, keyId: other.keyId });
  expect(walkOnly()(plan, foreign.sign(plan) as Buffer)).toBe('issuer');
  const wrongKeyId = new LeafEncoder({ key: localKey(root.key), name: root.certificate.subject, keyId: other.keyId });
  expect(walkOnly()(plan, wrongKeyId.sign(plan) as Buffer)).toBe('authority key identifier');
  const wrongKey = new LeafEncoder({ key: localKey(other.key), name: root.certificate.subject, keyId: root.keyId });
  expect(freshCheck()(plan, wrongKey.sign(plan) as Buffer)).toBe('signature');
});

it('XL-14: finds a leaf that outlives its authority', () => {
  const plan = x509Plan(root, { notAfterMs: NOW_MS + 15 * DAY_MS });
  expect(freshCheck()(plan, encoder.sign(plan) as Buffer)).toBe('not after beyond the authority');
});
