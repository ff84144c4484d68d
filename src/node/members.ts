import type { LaunchMembership } from '../domain/ports';

/** A launch the node holds open. */
export interface OpenLaunch {
  readonly launchId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly name: string;
  readonly programPath: string;
  readonly programSha256: string;
  readonly user: string;
  readonly uid: number;
  /** The process that executed the program. */
  readonly processKey: string;
  /** `dev:ino` of the announced program; empty when the launch was taken over from an earlier node. */
  readonly programInode: string;
  programSeen: boolean;
}

/** Which agent a pinned process belongs to, and how that is known. */
export interface Membership {
  readonly agentId: string;
  readonly agentName: string;
  readonly launch: OpenLaunch | undefined;
  /** The pinned ancestor that made it a member; undefined for the first process. */
  readonly via: string | undefined;
}

/**
 * Who belongs to which agent: pinned processes, and those with a living pinned member among their ancestors.
 * What was handed to init is nobody's: the chain from it reaches no member, and it is never guessed.
 */
export class Members {
  readonly #byKey = new Map<string, Membership>();
  readonly #launches = new Map<string, OpenLaunch>();
  readonly #living = new Map<OpenLaunch, number>();

  get(processKey: string): Membership | undefined {
    return this.#byKey.get(processKey);
  }

  launch(launchId: string): OpenLaunch | undefined {
    return this.#launches.get(launchId);
  }

  open(launch: OpenLaunch): void {
    this.#launches.set(launch.launchId, launch);
    this.add(launch.processKey, { agentId: launch.agentId, agentName: launch.agentName, launch, via: undefined });
  }

  add(processKey: string, membership: Membership): void {
    const before = this.#byKey.get(processKey);
    this.#byKey.set(processKey, membership);
    if (before?.launch === membership.launch) return;
    this.#count(before?.launch, -1);
    this.#count(membership.launch, 1);
  }

  #count(launch: OpenLaunch | undefined, change: number): void {
    if (!launch) return;
    const living = (this.#living.get(launch) ?? 0) + change;
    if (living > 0) this.#living.set(launch, living);
    else {
      this.#living.delete(launch);
      this.#launches.delete(launch.launchId);
    }
  }

  /** The nearest living ancestor that is a member decides; `chain` is pinned and nearest first. */
  inherit(processKey: string, chain: readonly { readonly key: string }[]): Membership | undefined {
    const membership = this.find(processKey, chain);
    if (membership && !this.#byKey.has(processKey)) this.add(processKey, membership);
    return membership;
  }

  /** The membership that a process has or would inherit; nothing is kept of the question. */
  find(processKey: string, chain: readonly { readonly key: string }[]): Membership | undefined {
    const own = this.#byKey.get(processKey);
    if (own) return own;
    const member = chain.find(({ key }) => this.#byKey.has(key));
    return member && { ...this.#byKey.get(member.key)!, via: member.key };
  }

  /** True where any process of the chain belongs to an agent. */
  touches(chain: readonly { readonly key: string }[]): boolean {
    return chain.some((ancestor) => this.#byKey.has(ancestor.key));
  }

  /** A process ended. A launch ends with its last pinned member. */
  ended(processKey: string): void {
    const membership = this.#byKey.get(processKey);
    this.#byKey.delete(processKey);
    this.#count(membership?.launch, -1);
  }
}

/** A membership as the `launch` attestor sees it. */
export const launchMembership = (membership: Membership | undefined): LaunchMembership | undefined =>
  membership?.launch && {
    launchId: membership.launch.launchId,
    name: membership.launch.name,
    programPath: membership.launch.programPath,
    programSha256: membership.launch.programSha256,
    user: membership.launch.user,
    uid: membership.launch.uid,
    programSeen: membership.launch.programSeen,
    via: membership.via === undefined ? 'pinned' : 'ancestor',
  };
