import type { Clock, Random } from '../../src/domain/ports';
import { MandateError } from '../../src/domain/errors';
import { pem } from '../../src/domain/pem';
import type { IdentitySource, X509Identity } from '../../src/service/sources';
import { Watchers } from '../../src/service/watchers';
import { parseBundle, type TrustBundle } from '../../src/verify/trust-bundle';
import { NOW_MS } from '../authority/fixture';
import { forge, type Forged, type Forgery } from '../verify/forge';

/** A clock that moves when it is told to, and runs what falls due on the way. */
export class ToldClock implements Clock {
  wallMs = NOW_MS;
  #monotonicMs = 0;
  readonly #due = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const one = { atMs: this.#monotonicMs + delayMs, run };
    this.#due.add(one);
    return () => this.#due.delete(one);
  }

  /** How long until what is due next. */
  get nextMs(): number | undefined {
    return this.#due.size === 0 ? undefined : Math.min(...[...this.#due].map(({ atMs }) => atMs)) - this.#monotonicMs;
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.#monotonicMs += ms;
    for (const one of [...this.#due]) {
      if (one.atMs > this.#monotonicMs) continue;
      this.#due.delete(one);
      one.run();
    }
  }
}

/** Half of every range. */
export const middle: Random = { bytes: (length) => Buffer.alloc(length, 0x80) };

export const DOMAIN = 'example.org';
export const idOf = (name: string): string => `spiffe://${DOMAIN}/agent/${name}`;

export const bundleOf = (...roots: readonly Forged[]): TrustBundle =>
  parseBundle(Buffer.from(roots.map(({ der }) => pem('CERTIFICATE', der)).join('')), DOMAIN);

/** An SVID with its key; `above` are the intermediates under the issuer's root. */
export async function identity(name: string, issuer: Forged, forgery: Forgery = {}, ...above: readonly Forged[]): Promise<X509Identity> {
  const notAfterMs = forgery.notAfterMs ?? NOW_MS + 900_000;
  const { der, key } = await forge({ uris: [idOf(name)], ...forgery, issuer, notAfterMs });
  return { spiffeId: idOf(name), chain: [der, ...above.map((one) => one.der)], key, hint: '', notAfterMs };
}

/** A source that holds what a test puts into it. */
export class HeldSource implements IdentitySource {
  readonly #watchers = new Watchers();

  constructor(
    readonly clock: Clock,
    public identity: X509Identity | undefined,
    public bundle: TrustBundle,
  ) {}

  svid(): X509Identity {
    if (this.identity) return this.identity;
    throw new MandateError('E_NO_RULE');
  }

  bundleOf(trustDomain: string): TrustBundle {
    if (trustDomain === this.bundle.trustDomain) return this.bundle;
    throw new MandateError('E_NOT_VERIFIED', { why: 'no bundle of its trust domain' });
  }

  stalenessMs(): number {
    return 0;
  }

  watch(changed: () => void): () => void {
    return this.#watchers.add(changed);
  }

  changed(): void {
    this.#watchers.tell();
  }

  close(): void {
    // Nothing is followed.
  }
}
