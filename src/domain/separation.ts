import type { Evidence } from './evidence';
import { FactIndex } from './facts';

/** Where the issuer of a chain runs. */
export interface IssuerPlace {
  readonly installed: boolean;
  /** uids of server and database; nothing else runs under them. */
  readonly uids: readonly number[];
}

/**
 * Why the issuer is within reach of the process that a chain ends at; empty where it is separated. `own-user`, `root`, `issuer-uid`, a capability
 * (`CAP_SYS_ADMIN`), a standing way to root (`docker`, `sudo-nopasswd`, …), or `privilege-unknown`: what was not looked at is no separation.
 */
export function notSeparatedBy({ installed, uids }: IssuerPlace, uid: number | undefined, evidence: Evidence | null): readonly string[] {
  if (!installed) return ['own-user'];
  if (uid === 0) return ['root'];
  if (uid !== undefined && uids.includes(uid)) return ['issuer-uid'];
  if (uid === undefined || evidence === null) return ['privilege-unknown'];
  const facts = new FactIndex(evidence);
  return ['privilege.capabilities', 'privilege.root_way'].flatMap((type) => {
    const values = facts.of(type).map(({ value }) => value);
    if (values.length === 0) return ['privilege-unknown'];
    return values.filter((value) => value !== 'none');
  });
}
