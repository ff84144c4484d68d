import type { CompiledRules } from '../domain/match';
import type { JwtPlan, SelfCheck, Signer, X509Plan } from '../domain/issuance';

/** An active authority, as one request uses it. */
export interface ActiveAuthority<P extends X509Plan | JwtPlan> {
  readonly keyId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly signer: Signer<P>;
  readonly check: SelfCheck<P>;
}

/** Nothing is signed yet: verifiers are to know the key first. */
export interface AwaitedAuthority {
  /** Null where the key is being made, or nobody has seen it published. */
  readonly readyAtMs: number | null;
}

/** Everything a request rests on, bound once when it is admitted: no request mixes two configurations. */
export interface Frozen {
  readonly rules: CompiledRules;
  readonly x509: ActiveAuthority<X509Plan>;
  readonly jwt: ActiveAuthority<JwtPlan>;
  readonly rs256: ActiveAuthority<JwtPlan> | AwaitedAuthority;
}

/** Holds the configuration in force; a change replaces the whole value. */
export class Configuration {
  #frozen: Frozen;

  constructor(frozen: Frozen) {
    this.#frozen = Object.freeze(frozen);
  }

  freeze(): Frozen {
    return this.#frozen;
  }

  change(parts: Partial<Frozen>): void {
    this.#frozen = Object.freeze({ ...this.#frozen, ...parts });
  }
}
