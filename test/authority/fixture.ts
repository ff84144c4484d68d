import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { createRoot, readRoot } from '../../src/authority/root-certificate';
import type { AuthoritySettings } from '../../src/authority/schedule';
import type { Root } from '../../src/authority/root-certificate';
import { localKey } from '../../src/authority/signing-key';
import type { JwtPlan, X509Plan } from '../../src/domain/issuance';
import { newSerial } from '../../src/domain/serial';
import { generateAgentKey } from '../../src/node/agent-key';
import { systemRandom } from '../../src/system/random';

export const TRUST_DOMAIN = 'example.org';
export const NOW_MS = Date.UTC(2030, 5, 1, 12, 0, 0);
export const DAY_MS = 24 * 3600 * 1000;

/** The defaults of an installation. */
export const SETTINGS: AuthoritySettings = {
  lifetimeMs: { x509: 14 * DAY_MS, jwt: 14 * DAY_MS },
  propagationMs: 300_000,
  refreshHintSeconds: 60,
};

export interface TestRoot extends Root {
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

export async function makeRoot(
  notBeforeMs = NOW_MS - DAY_MS,
  notAfterMs = NOW_MS + 14 * DAY_MS,
  trustDomain = TRUST_DOMAIN,
): Promise<TestRoot> {
  const { key, point } = generateAuthorityKey();
  const der = await createRoot({ trustDomain, key: localKey(key), point, serial: newSerial(systemRandom), notBeforeMs, notAfterMs });
  return { ...readRoot(der, trustDomain), key, publicKey: createPublicKey(key) };
}

export const x509Plan = (root: Root, changes: Partial<X509Plan> = {}): X509Plan => ({
  kind: 'x509-svid',
  spiffeId: `spiffe://${TRUST_DOMAIN}/agent/ana`,
  publicKey: generateAgentKey().point,
  serial: newSerial(systemRandom),
  issuedAtMs: NOW_MS,
  notBeforeMs: NOW_MS - 10_000,
  notAfterMs: NOW_MS + 900_000,
  authorityKeyId: root.keyId.toString('hex'),
  ...changes,
});

export const jwtPlan = (authorityKeyId: string, changes: Partial<JwtPlan> = {}): JwtPlan => ({
  kind: 'jwt-svid',
  issuer: null,
  spiffeId: `spiffe://${TRUST_DOMAIN}/agent/ana`,
  audience: ['https://files.example.org', 'b'],
  serial: newSerial(systemRandom),
  issuedAtMs: NOW_MS + 250,
  notBeforeMs: NOW_MS - 10_000,
  notAfterMs: NOW_MS + 300_000,
  authorityKeyId,
  lineage: {
    v: 1,
    delegation: '0190a0b0-0000-7000-8000-000000000001',
    agent: '0190a0b0-0000-7000-8000-000000000002',
    delegator: null,
    given: 'launched',
    assurance: { process: 'measured', delegator: 'os-account', device: 'declared' },
  },
  ...changes,
});
