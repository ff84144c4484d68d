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

/**
 * Whether the process that a chain ends at ran under a uid that belonged to its launch alone: then it was apart from every other process of its
 * human as well, whom the kernel does not let at its memory, its descriptors or its key. That is another question than the issuer's place, and
 * makes no word of a ladder stronger.
 */
export const apartFromHuman = (ownUid: number | null, uid: number | undefined): boolean => ownUid !== null && uid === ownUid;
