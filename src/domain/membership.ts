/**
 * How a process is known to belong to its launch: it was pinned as the launched process itself; it has a living pinned member among its
 * ancestors; or the kernel accounts it in the control group of the launch, which holds however it was forked and whoever its parent is now.
 */
export const MEMBERSHIPS = ['pinned', 'ancestor', 'cgroup'] as const;
export type MembershipKind = (typeof MEMBERSHIPS)[number];

/** What is said by somebody else, where it is one of the words. */
export const membershipKind = (word: string | undefined): MembershipKind | undefined => MEMBERSHIPS.find((known) => known === word);

/** By what members of a launch are told from others: its own control group, or pinned ancestry, which who is handed to init leaves. */
export type ToldBy = 'cgroup' | 'ancestry';

export const toldBy = ({ groupFrom }: { readonly groupFrom: string | null }): ToldBy => (groupFrom === null ? 'ancestry' : 'cgroup');
