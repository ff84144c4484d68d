/**
 * What minting one X509-SVID costs beside its signature: `crypto.sign` over as many bytes, with the same key. Both are taken in turns,
 * so that a drifting clock of the processor meets both. Run: npx tsc -p bench && node dist/bench/mint.js
 */
import { sign } from 'node:crypto';
import { openJwtAuthority } from '../src/authority/jwt-authority';
import { generateAuthorityKey } from '../src/authority/key-pair';
import { LeafEncoder } from '../src/authority/leaf-encoder';
import { createRoot, readRoot } from '../src/authority/root-certificate';
import { openX509Authority } from '../src/authority/x509-authority';
import { localKey } from '../src/authority/signing-key';
import type { JwtPlan, X509Plan } from '../src/domain/issuance';
import { isP256Point, p256Spki, p256Thumbprint } from '../src/domain/p256';
import { newSerial } from '../src/domain/serial';
import { generateAgentKey } from '../src/node/agent-key';
import { systemRandom } from '../src/system/random';
import { cpuMicroseconds, median, threadCpuNs } from './thread-cpu';

const LEAST_RATIO = 0.85;
const SLICE_MS = 200;
/** In turns: what slows the machine for a moment is in one of two, and the median leaves that pair out. Each slice is long enough to collect its garbage. */
const PAIRS = 25;
const PAIR_SLICE_MS = 100;

async function main(): Promise<number> {
  const nowMs = Date.UTC(2030, 0, 1);
  const notAfterMs = nowMs + 14 * 24 * 3600 * 1000;
  const { key, point } = generateAuthorityKey();
  const certificate = await createRoot({
    trustDomain: 'laptop-7k2mq9xd.mandate.internal',
    key: localKey(key),
    point,
    serial: newSerial(systemRandom),
    notBeforeMs: nowMs,
    notAfterMs,
  });
  const root = readRoot(certificate, 'laptop-7k2mq9xd.mandate.internal');
  const authority = openX509Authority(certificate, localKey(key), 'laptop-7k2mq9xd.mandate.internal');
  const agents = Array.from({ length: 64 }, () => generateAgentKey().point);
  let turn = 0;
  const plan = (): X509Plan => {
    turn++;
    const issuedAtMs = nowMs + turn;
    return {
      kind: 'x509-svid',
      spiffeId: 'spiffe://laptop-7k2mq9xd.mandate.internal/agent/ana',
      publicKey: agents[turn & 63] as Buffer,
      serial: newSerial(systemRandom),
      issuedAtMs,
      notBeforeMs: nowMs + Math.floor(turn / 1000) * 1000,
      notAfterMs: nowMs + Math.floor(turn / 1000) * 1000 + 900_000,
      authorityKeyId: authority.keyId,
    };
  };
  const tbs = new LeafEncoder({ key: localKey(key), name: root.certificate.subject, keyId: root.keyId }).tbs(plan());
  const mint = (): void => void authority.signer.sign(plan());
  const signOnly = (): void => void sign('sha256', tbs, key);

  const minted: number[] = [];
  const signed: number[] = [];
  cpuMicroseconds(mint, SLICE_MS);
  cpuMicroseconds(signOnly, SLICE_MS);
  for (let pair = 0; pair < PAIRS; pair++) {
    minted.push(cpuMicroseconds(mint, PAIR_SLICE_MS));
    signed.push(cpuMicroseconds(signOnly, PAIR_SLICE_MS));
  }
  const ratio = median(minted.map((took, pair) => signed[pair]! / took));
  print(`crypto.sign            ${median(signed).toFixed(1)} µs`);
  print(`mint                   ${median(minted).toFixed(1)} µs   ratio ${ratio.toFixed(3)}   (at least ${LEAST_RATIO})`);

  const planned = plan();
  const leaf = authority.signer.sign(planned) as Buffer;
  print(
    `self-check             ${cpuMicroseconds(() => void authority.check(planned, leaf), SLICE_MS).toFixed(2)} µs (one verification in 1024 included)`,
  );
  print(`point on the curve     ${cpuMicroseconds(() => void isP256Point(planned.publicKey), SLICE_MS).toFixed(2)} µs`);
  print(`key of a process       ${cpuMicroseconds(() => void generateAgentKey(), SLICE_MS).toFixed(1)} µs`);
  await measureJwt(nowMs, notAfterMs);
  if (ratio < LEAST_RATIO) {
    print(`too slow: a mint costs more than 1/${LEAST_RATIO} of its signature`);
    return 1;
  }
  return 0;
}

async function measureJwt(nowMs: number, notAfterMs: number): Promise<void> {
  const { key, point } = generateAuthorityKey();
  const keyId = p256Thumbprint(point);
  const authority = openJwtAuthority({ kind: 'jwt', keyId, public: p256Spki(point), notBeforeMs: nowMs, notAfterMs }, localKey(key));
  const plan: JwtPlan = {
    kind: 'jwt-svid',
    issuer: null,
    spiffeId: 'spiffe://laptop-7k2mq9xd.mandate.internal/agent/ana',
    audience: ['https://git.acme.example'],
    serial: newSerial(systemRandom),
    issuedAtMs: nowMs,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + 300_000,
    authorityKeyId: keyId,
    lineage: {
      v: 1,
      delegation: '0190a0b0-0000-7000-8000-000000000001',
      agent: '0190a0b0-0000-7000-8000-000000000002',
      delegator: '0190a0b0-0000-7000-8000-000000000003',
      given: 'launched',
      assurance: { process: 'measured', delegator: 'os-account', device: 'declared' },
    },
  };
  const token = await authority.signer.sign(plan);
  const start = threadCpuNs();
  for (let i = 0; i < 2000; i++) await authority.signer.sign(plan);
  print(`JWT-SVID               ${((threadCpuNs() - start) / 1000 / 2000).toFixed(1)} µs`);
  print(`JWT self-check         ${cpuMicroseconds(() => void authority.check(plan, token), SLICE_MS).toFixed(2)} µs`);
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

void main().then((code) => {
  process.exitCode = code;
});
