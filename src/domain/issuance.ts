import type { CredentialRow, LineageEntry } from './lineage';
import { MandateError } from './errors';

/**
 * The order no code path can change: plan → sign → self-check → record → release.
 *
 * Each stage is a class that only this file can construct, and the signed bytes stay private to it until the last one. Leaving a
 * step out, or taking two in another order, does not compile (test/types/).
 */

/** An X509-SVID exactly as it will be signed. */
export interface X509Plan {
  readonly kind: 'x509-svid';
  readonly spiffeId: string;
  /** Uncompressed P-256 point, 65 bytes, checked to lie on the curve. */
  readonly publicKey: Buffer;
  /** 32 lower-case hex digits. */
  readonly serial: string;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly authorityKeyId: string;
}

/** A JWT-SVID exactly as it will be signed. `serial` is its `jti`. */
export interface JwtPlan {
  readonly kind: 'jwt-svid';
  /** `iss`, which plays no part in SPIFFE; null where JWT-SVIDs are no ID tokens. */
  readonly issuer: string | null;
  readonly spiffeId: string;
  readonly audience: readonly string[];
  readonly serial: string;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly authorityKeyId: string;
  /** The one private claim: ids of the chain, no names. */
  readonly lineage: LineageClaim;
}

export interface LineageClaim {
  readonly v: 1;
  readonly delegation: string;
  readonly agent: string;
  readonly delegator: string | null;
  readonly given: string;
  readonly assurance: { readonly process: string; readonly delegator: string; readonly device: string };
}

export type Plan = X509Plan | JwtPlan;

/** X.509: DER of leaf and intermediates, root left out. JWT: compact serialisation in ASCII. */
export type Encoded = Buffer;

/** Signs exactly the plan; the same plan object the self-check will compare with. */
export interface Signer<P extends Plan> {
  sign(plan: P): Encoded | Promise<Encoded>;
}

/** Compares what was signed with what was planned, field by field; returns the first difference, or undefined. */
export type SelfCheck<P extends Plan> = (plan: P, encoded: Encoded) => string | undefined;

const KEY: unique symbol = Symbol('issuance');

/** A cast gets past the compiler; it does not get past this. */
function assertOurs(key: symbol): void {
  if (key !== KEY) throw new MandateError('E_INTERNAL', { saw: 'a stage of an issuance made by hand' });
}

class Stage<P extends Plan> {
  readonly #encoded: Encoded | undefined;

  constructor(
    key: typeof KEY,
    readonly plan: P,
    encoded?: Encoded,
  ) {
    assertOurs(key);
    this.#encoded = encoded;
  }

  static encoded(key: typeof KEY, stage: Stage<Plan>): Encoded {
    assertOurs(key);
    return stage.#encoded as Encoded;
  }
}

export class Planned<P extends Plan> extends Stage<P> {
  readonly #planned = true;
}
export class Signed<P extends Plan> extends Stage<P> {
  readonly #signed = true;
}
export class Checked<P extends Plan> extends Stage<P> {
  readonly #checked = true;
}
export class Recorded<P extends Plan> extends Stage<P> {
  readonly #recorded = true;
}
/** The only stage whose bytes can be read. */
export class Released<P extends Plan> extends Stage<P> {
  readonly #released = true;
  get encoded(): Encoded {
    return Stage.encoded(KEY, this);
  }
}

/** Freezes a plan: from here on nothing about the credential is open. */
export function plan<P extends Plan>(wanted: P): Planned<P> {
  Object.freeze(wanted);
  return new Planned<P>(KEY, wanted);
}

export async function sign<P extends Plan>(planned: Planned<P>, signer: Signer<P>): Promise<Signed<P>> {
  const encoded = signer.sign(planned.plan);
  return new Signed(KEY, planned.plan, encoded instanceof Promise ? await encoded : encoded);
}

/** Throws E_SELF_CHECK where signed and planned differ: a fault in an encoder must not leave the process. */
export function selfCheck<P extends Plan>(signed: Signed<P>, check: SelfCheck<P>): Checked<P> {
  const encoded = Stage.encoded(KEY, signed);
  const difference = check(signed.plan, encoded);
  if (difference !== undefined) throw new MandateError('E_SELF_CHECK', { saw: difference });
  return new Checked(KEY, signed.plan, encoded);
}

/**
 * Resolves when the record of exactly this credential is durable. `write` gets the serial, identity and times from the plan, so that a
 * record of another credential does not pass for this one.
 */
export async function record<P extends Plan>(
  checked: Checked<P>,
  entry: LineageEntry & { readonly fact: { readonly credential: CredentialRow } },
  append: (entry: LineageEntry) => Promise<void>,
): Promise<Recorded<P>> {
  const { credential } = entry.fact;
  const { plan: planned } = checked;
  if (
    credential.serial !== planned.serial ||
    credential.spiffeId !== planned.spiffeId ||
    credential.kind !== planned.kind ||
    credential.issuedAtMs !== planned.issuedAtMs ||
    credential.notBeforeMs !== planned.notBeforeMs ||
    credential.notAfterMs !== planned.notAfterMs ||
    credential.authorityKeyId !== planned.authorityKeyId
  ) {
    throw new MandateError('E_SELF_CHECK', { saw: 'the record names another credential than the plan' });
  }
  await append(entry);
  return new Recorded(KEY, planned, Stage.encoded(KEY, checked));
}

export const release = <P extends Plan>(recorded: Recorded<P>): Released<P> =>
  new Released(KEY, recorded.plan, Stage.encoded(KEY, recorded));
