import { algorithmFor, audienceDenial } from '../domain/audience';
import { FILES_TTL_SECONDS } from '../domain/delivery';
import { MandateError } from '../domain/errors';
import {
  type JwtPlan,
  type LineageClaim,
  plan,
  type Plan,
  record,
  type Recorded,
  release,
  type Released,
  selfCheck,
  sign,
  type X509Plan,
} from '../domain/issuance';
import type { Entitled } from '../domain/match';
import { MAX_SUBJECT } from '../domain/oidc';
import { isP256Point, publicKeySha256 } from '../domain/p256';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import { credentialRow } from '../domain/records';
import { processAssurance } from '../domain/facts';
import { rfc3339 } from '../domain/instant';
import type { JwtAlgorithm } from '../domain/jwt-key';
import { validity } from '../domain/rotation';
import { newSerial } from '../domain/serial';
import type { ActiveAuthority, Configuration, Frozen } from './configuration';
import type { Entitlements } from './entitlement';
import type { LiveAgent, LiveProcess, Living } from './living';
import { owed, paid } from './owed';
import { Denied } from './refuse';

export interface IssuerParts {
  readonly configuration: Configuration;
  readonly living: Living;
  readonly entitlements: Entitlements;
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Fresh JWT-SVIDs one process may ask for in a minute. */
  readonly jwtPerMinute: number;
  /** What JWT-SVIDs name as their OpenID Connect issuer; null where they are no ID tokens. */
  readonly oidcIssuer: string | null;
}

export interface Issued<P extends Plan> {
  readonly released: Released<P>;
  readonly identity: Entitled;
  readonly agent: LiveAgent;
}

/**
 * The server's half of the path of one identity, told top to bottom; steps 1 to 5 and 13 to 16 are the node's (node/serve.ts).
 * Nothing here decides an order: domain/issuance.ts makes every other one a compile error.
 */
export class Issuer {
  readonly #parts: IssuerParts;
  readonly #warned = new Set<string>();

  constructor(parts: IssuerParts) {
    this.#parts = parts;
  }

  async x509(
    process: LiveProcess,
    publicKey: Buffer,
    wanted: string,
  ): Promise<Issued<X509Plan> & { readonly identities: readonly Entitled[] }> {
    // 6 admit: the device was admitted with its link; from here on this request sees one configuration.
    const frozen = this.#parts.configuration.freeze();
    if (!isP256Point(publicKey)) throw new MandateError('E_REQUEST', { why: 'the public key is not a point on P-256' });
    // 7 match, 8 delegate
    const { agent, identities } = await this.#parts.entitlements.of(process, frozen);
    const identity = choose(identities, wanted);
    // 9 plan
    const issuedAtMs = this.#parts.clock.nowMs();
    const planned = plan<X509Plan>({
      kind: 'x509-svid',
      spiffeId: identity.spiffeId,
      publicKey,
      serial: newSerial(this.#parts.random),
      issuedAtMs,
      ...this.#validity(process, identity, x509Ttl(process, identity), frozen.x509.notAfterMs, agent, issuedAtMs),
      authorityKeyId: frozen.x509.keyId,
    });
    // 10 sign exactly the plan, and check what was signed
    const checked = selfCheck(await sign(planned, frozen.x509.signer), frozen.x509.check);
    // 11 record
    const recorded = await this.#record(checked, process, agent, identity, publicKeySha256(publicKey), []);
    // 12 release
    return { released: release(recorded), identity, agent, identities };
  }

  async jwt(process: LiveProcess, audience: readonly string[], wanted: string): Promise<readonly Issued<JwtPlan>[]> {
    const frozen = this.#parts.configuration.freeze(); // 6
    const { agent, identities } = await this.#parts.entitlements.of(process, frozen); // 7, 8
    const permitted = permittedFor(process, wanted === '' ? identities : [choose(identities, wanted)], audience);
    this.#countJwt(process, permitted.length);
    return Promise.all(permitted.map((identity) => this.#oneJwt(process, agent, identity, audience, frozen)));
  }

  async #oneJwt(
    process: LiveProcess,
    agent: LiveAgent,
    identity: Entitled,
    audience: readonly string[],
    frozen: Frozen,
  ): Promise<Issued<JwtPlan>> {
    this.#warnOfLong(identity);
    const authority = jwtAuthority(frozen, algorithmFor(identity, audience));
    const issuedAtMs = this.#parts.clock.nowMs();
    const planned = plan<JwtPlan>({
      kind: 'jwt-svid',
      issuer: this.#parts.oidcIssuer,
      spiffeId: identity.spiffeId,
      audience: [...audience],
      serial: newSerial(this.#parts.random),
      issuedAtMs,
      ...this.#validity(process, identity, identity.jwtTtlSeconds, authority.notAfterMs, agent, issuedAtMs),
      authorityKeyId: authority.keyId,
      lineage: lineageClaim(process, agent, this.#parts.living),
    }); // 9
    const checked = selfCheck(await sign(planned, authority.signer), authority.check); // 10
    const recorded = await this.#record(checked, process, agent, identity, null, audience); // 11
    return { released: release(recorded), identity, agent }; // 12
  }

  #validity(
    process: LiveProcess,
    identity: Entitled,
    ttlSeconds: number,
    authorityNotAfterMs: number,
    agent: LiveAgent,
    issuedAtMs: number,
  ) {
    const window = validity({ issuedAtMs, ttlSeconds, authorityNotAfterMs, delegationEndsAtMs: agent.delegation.endsAtMs });
    if (!window)
      throw new Denied(process, {
        code: 'E_LIFETIME',
        rule: identity.rule,
        conditions: [],
        remedy: 'the authority or the delegation ends now',
      });
    return window;
  }

  /** Once for each rule: relying parties of OpenID Connect need not take a longer `sub`, those of SPIFFE do. */
  #warnOfLong({ spiffeId, rule }: Entitled): void {
    const { name } = rule.rule;
    if (this.#parts.oidcIssuer === null || spiffeId.length <= MAX_SUBJECT || this.#warned.has(name)) return;
    this.#warned.add(name);
    this.#parts.log.warn({ rule: name, length: spiffeId.length, most: MAX_SUBJECT }, 'SPIFFE ID is longer than the sub of an ID token');
  }

  #countJwt(process: LiveProcess, count: number): void {
    const minute = Math.floor(this.#parts.clock.monotonicMs() / 60_000);
    if (process.jwtMinute !== minute) Object.assign(process, { jwtMinute: minute, jwtCount: 0 });
    process.jwtCount += count;
    if (process.jwtCount > this.#parts.jwtPerMinute) {
      throw new MandateError('E_RATE_LIMITED', { fix: 'use a JWT-SVID until half of its life is over' });
    }
  }

  async #record<P extends Plan>(
    checked: Parameters<typeof record<P>>[0],
    process: LiveProcess,
    agent: LiveAgent,
    identity: Entitled,
    keySha256: string | null,
    audience: readonly string[],
  ): Promise<Recorded<P>> {
    const { living, lineage, clock } = this.#parts;
    const planned = checked.plan;
    const digest = process.digest;
    const credential = credentialRow({
      serial: planned.serial,
      kind: planned.kind,
      spiffeId: planned.spiffeId,
      audience,
      issuedAtMs: planned.issuedAtMs,
      notBeforeMs: planned.notBeforeMs,
      notAfterMs: planned.notAfterMs,
      authorityKeyId: planned.authorityKeyId,
      publicKeySha256: keySha256,
      processKey: process.key,
      agentId: agent.row.id,
      delegationId: agent.delegation.id,
      evidenceDigest: digest,
      ruleName: identity.rule.rule.name,
      ruleVersion: identity.rule.version,
      deviceId: living.device.id,
    });
    const rows = owed(process, agent, living.device, clock.nowMs());
    const recorded = await record(checked, { fact: { credential }, ...rows }, (entry) => lineage.append(entry));
    paid(process, agent, digest);
    return recorded;
  }
}

/** What lies in files is anybody's of that user: it lives shorter than a rule may say. */
const x509Ttl = ({ facts }: LiveProcess, { x509TtlSeconds }: Entitled): number =>
  facts.of('launch.delivery').length > 0 ? Math.min(x509TtlSeconds, FILES_TTL_SECONDS) : x509TtlSeconds;

function choose(identities: readonly Entitled[], wanted: string): Entitled {
  const chosen = wanted === '' ? identities[0] : identities.find((identity) => identity.spiffeId === wanted);
  if (!chosen) throw new MandateError('E_NOT_YOURS', { saw: wanted });
  return chosen;
}

/**
 * The identities whose rules list every audience asked for. Throws the refusal of the first one where none does, and of one that would need two
 * signatures: left out, it would be answered by a token of another identity.
 */
function permittedFor(process: LiveProcess, identities: readonly Entitled[], audience: readonly string[]): Entitled[] {
  const denials = identities.map((identity) => audienceDenial(identity, audience));
  const permitted = identities.filter((_, index) => denials[index] === undefined);
  const divided = denials.find((denial) => denial?.code === 'E_AUDIENCE_ALGORITHMS');
  const refusal = divided ?? (permitted.length === 0 ? denials[0] : undefined);
  if (refusal) throw new Denied(process, refusal);
  return permitted;
}

/** Throws E_RS256_UNPUBLISHED where verifiers have yet to learn of the key: they would refuse what it signs. */
function jwtAuthority({ jwt, rs256 }: Frozen, algorithm: JwtAlgorithm): ActiveAuthority<JwtPlan> {
  if (algorithm === 'ES256') return jwt;
  if ('signer' in rs256) return rs256;
  const why = rs256.readyAtMs === null ? 'its key is being made' : `its key is published, and signs from ${rfc3339(rs256.readyAtMs)} on`;
  throw new MandateError('E_RS256_UNPUBLISHED', { why, fix: 'ask again then' });
}

const lineageClaim = (process: LiveProcess, agent: LiveAgent, living: Living): LineageClaim => ({
  v: 1,
  delegation: agent.delegation.id,
  agent: agent.row.id,
  delegator: agent.person?.id ?? null,
  given: agent.delegation.given,
  assurance: { process: processAssurance(process.facts), delegator: agent.delegation.assurance, device: living.device.assurance },
});
