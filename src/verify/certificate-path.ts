import type { Certificate } from '../domain/certificate';
import type { Authority } from './authority';
import { authorityOf } from './authority';
import { isSignedBy } from './certificate-signature';
import { keepsTo } from './name-constraints';
import type { Roots } from './roots';

/** Signatures verified for one path at most. The slowest, on P-521, takes 1.5 ms. */
export const MAX_SIGNATURE_CHECKS = 16;
/** Issuers tried for one path at most: certificates that name each other in a ring have a factorial of orders. */
const MAX_STEPS = 64;

/**
 * Looks for a path from the leaf to a root, straight or by certificates sent along, in any order (RFC 5280 §6). Returns undefined where
 * there is one that holds at `nowMs`, else why the most promising one does not. Throws DerError where a certificate on the way has an
 * extension that cannot be read.
 */
export function checkPath(leaf: Certificate, sent: readonly Certificate[], roots: Roots, nowMs: number): string | undefined {
  const late = dateFault(leaf, nowMs);
  return late === undefined ? new PathSearch(leaf, sent, roots, nowMs).fault() : `the leaf ${late}`;
}

/** The fault of a leaf whose issuer nobody knows. */
export const NO_ROOT = 'no root of the bundle issued it';

/** An authority of a path, with what a refusal calls it. */
interface Link {
  readonly who: 'a root' | 'an intermediate';
  readonly authority: Authority;
}

/**
 * Paths are put together by names alone, and then checked from the root down: a key verifies nothing before the certificate that holds it was
 * verified. So a sender gains no work by keys of its own.
 */
class PathSearch {
  private nearest: string = NO_ROOT;
  private steps = 0;
  private checks = 0;
  private readonly verdicts = new Map<Certificate, Map<Authority, boolean>>();
  private readonly authorities = new Map<Certificate, Authority | string>();

  constructor(
    private readonly leaf: Certificate,
    private readonly sent: readonly Certificate[],
    private readonly roots: Roots,
    private readonly nowMs: number,
  ) {}

  fault(): string | undefined {
    if (this.reaches(this.leaf, [])) return undefined;
    const tired = this.steps > MAX_STEPS || this.checks > MAX_SIGNATURE_CHECKS;
    return tired ? 'it has more ways to a root than are tried' : this.nearest;
  }

  /** True where a path that holds leads to `child` and on by `below`, the authorities between it and the leaf. */
  private reaches(child: Certificate, below: readonly Link[]): boolean {
    for (const authority of this.roots.issuersOf(child)) {
      if (this.tired()) return false;
      if (this.holds([{ who: 'a root', authority }, ...below])) return true;
    }
    for (const candidate of this.sent) {
      if (!candidate.subject.equals(child.issuer) || below.some(({ authority }) => authority.certificate === candidate)) continue;
      if (this.tired()) return false;
      const authority = this.authorityOf(candidate);
      if (typeof authority === 'string') this.nearest = `an intermediate ${authority}`;
      else if (this.reaches(candidate, [{ who: 'an intermediate', authority }, ...below])) return true;
    }
    return false;
  }

  private tired(): boolean {
    return ++this.steps > MAX_STEPS || this.checks > MAX_SIGNATURE_CHECKS;
  }

  private authorityOf(certificate: Certificate): Authority | string {
    let known = this.authorities.get(certificate);
    if (known === undefined) this.authorities.set(certificate, (known = authorityOf(certificate)));
    return known;
  }

  /** Walks a path from its root down to the leaf (RFC 5280 §6.1); says why in `nearest` where it does not hold. */
  private holds(path: readonly Link[]): boolean {
    const fault = this.pathFault(path);
    if (fault !== undefined) this.nearest = fault;
    return fault === undefined;
  }

  private pathFault(path: readonly Link[]): string | undefined {
    let room = Infinity;
    let narrowest = '';
    for (const [i, { who, authority }] of path.entries()) {
      const { certificate, pathLength } = authority;
      const late = dateFault(certificate, this.nowMs);
      if (late !== undefined) return `${who} ${late}`;
      // The root, and a certificate that an authority made for a new key of its own, take no room.
      if (i > 0 && !isSelfIssued(certificate) && room-- === 0) return `${narrowest} allows no intermediate`;
      if (pathLength !== undefined && pathLength < room) [room, narrowest] = [pathLength, who];
    }
    for (const [i, { who, authority }] of path.entries()) {
      const below = [
        ...path
          .slice(i + 1)
          .map((link) => link.authority.certificate)
          .filter((one) => !isSelfIssued(one)),
        this.leaf,
      ];
      const { constraints } = authority;
      if (constraints && !below.every((one) => keepsTo(one, constraints))) return `${who} may not issue for that name`;
      if (!this.isSigned(path[i + 1]?.authority.certificate ?? this.leaf, authority)) return `${who} did not sign it`;
    }
    return undefined;
  }

  private isSigned(child: Certificate, authority: Authority): boolean {
    const verdicts = this.verdicts.get(child) ?? new Map<Authority, boolean>();
    this.verdicts.set(child, verdicts);
    let verdict = verdicts.get(authority);
    if (verdict === undefined) {
      verdict = ++this.checks <= MAX_SIGNATURE_CHECKS && isSignedBy(child, authority.key);
      verdicts.set(authority, verdict);
    }
    return verdict;
  }
}

const isSelfIssued = ({ issuer, subject }: Certificate): boolean => issuer.equals(subject);

function dateFault(certificate: Certificate, nowMs: number): string | undefined {
  // Both ends are part of the validity (RFC 5280 §4.1.2.5). Written so that NaN is outside of it.
  if (!(nowMs >= certificate.notBeforeMs)) return 'is not valid yet';
  return nowMs <= certificate.notAfterMs ? undefined : 'has expired';
}
