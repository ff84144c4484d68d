import { pem } from '../../src/domain/pem';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { parseBundle } from '../../src/verify/trust-bundle';
import type { VerifiedX509Svid } from '../../src/verify/x509-svid';
import { verifyX509Svid } from '../../src/verify/x509-svid';
import { NOW_MS } from '../authority/fixture';
import type { Forged, Forgery } from './forge';
import { forge } from './forge';

/** A bundle of these roots, as PEM. */
export const bundleOf = (roots: readonly Forged[], trustDomain = 'example.org'): TrustBundle =>
  parseBundle(Buffer.from(roots.map(({ der }) => pem('CERTIFICATE', der)).join('') || '{"keys":[]}'), trustDomain);

/** What verifying a chain, leaf first, comes to. */
export const verdict = (chain: readonly Forged[], bundle: TrustBundle, nowMs = NOW_MS): VerifiedX509Svid =>
  verifyX509Svid(
    chain.map(({ der }) => der),
    bundle,
    nowMs,
  );

/** An error of the verifier with this reason. */
export const refusal = (why: unknown) => expect.objectContaining({ code: 'E_NOT_VERIFIED', explanation: { why } });

/** An authority below another one. */
export const between = (issuer: Forged, wish: Forgery = {}): Promise<Forged> => forge({ ca: true, name: 'CN=between', issuer, ...wish });
