import type { Confinement } from '../domain/confinement';
import type { MembershipKind } from '../domain/membership';
import type { LaunchMembership, MeasuredLaunch } from '../domain/attestation';
import type { LaunchMeasures, LaunchPart } from '../domain/launch-measures';

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
  /** The uid that belongs to this launch alone; 0 where it runs under its launcher's. */
  readonly ownUid: number;
  /** The process that executed the program. */
  readonly processKey: string;
  /** It was given a control group of its own: it ends with whoever is in there, not only with those who are pinned. */
  readonly grouped: boolean;
  /** What its launcher said of the domain around it. */
  readonly confinement: Confinement;
  /** `dev:ino` of the announced program; empty when the launch was taken over from an earlier node. */
  readonly programInode: string;
  programSeen: boolean;
  /** What else was measured before it ran; undefined when the launch was taken over from an earlier node. */
  readonly measured: { readonly measures: LaunchMeasures; readonly shebang: boolean; readonly launcher: object } | undefined;
  /** Parts that were seen to be others since; undefined until the program was looked at. */
  changed: readonly LaunchPart[] | undefined;
}

/** Which agent a pinned process belongs to, and how that is known. */
export interface Membership {
  readonly agentId: string;
  readonly agentName: string;
  readonly launch: OpenLaunch | undefined;
  readonly kind: MembershipKind;
  /** The pinned ancestor that is a member as well; undefined for the first process, and where no ancestor is one. */
  readonly via: string | undefined;
}

/** What else keeps a launch open, and who wants to hear of its end. */
export interface LaunchLife {
  /** A process lives in the control group of the launch. */
  readonly populated: (launchId: string) => boolean;
  /** No member is pinned and nothing lives in its group. */
  readonly ended: (launch: OpenLaunch) => void;
}

interface Asker {
  readonly key: string;
}

/**
 * Who belongs to which agent: pinned processes, those in the control group of a launch, and those with a living pinned member among
 * their ancestors. What was handed to init outside every group is nobody's: the chain from it reaches no member, and it is never guessed.
 */
export class Members {
  readonly #byKey = new Map<string, Membership>();
  readonly #launches = new Map<string, OpenLaunch>();
  readonly #living = new Map<OpenLaunch, number>();

  constructor(private readonly life: LaunchLife) {}

  get(processKey: string): Membership | undefined {
    return this.#byKey.get(processKey);
  }

  launch(launchId: string): OpenLaunch | undefined {
    return this.#launches.get(launchId);
  }

  /** Keys of the pinned processes of an agent, and its launch. */
  ofAgent(agentId: string): { readonly keys: readonly string[]; readonly launch: OpenLaunch | undefined } {
    return {
      keys: [...this.#byKey].filter(([, membership]) => membership.agentId === agentId).map(([key]) => key),
      launch: [...this.#launches.values()].find((launch) => launch.agentId === agentId),
    };
  }

  open(launch: OpenLaunch): void {
    this.resume(launch);
    this.add(launch.processKey, { agentId: launch.agentId, agentName: launch.agentName, launch, kind: 'pinned', via: undefined });
  }

  /** A launch of which no process is pinned yet. */
  resume(launch: OpenLaunch): void {
    this.#launches.set(launch.launchId, launch);
  }

  add(processKey: string, membership: Membership): void {
    const before = this.#byKey.get(processKey);
    this.#byKey.set(processKey, membership);
    if (before?.launch === membership.launch) return;
    this.#count(membership.launch, 1);
    this.#count(before?.launch, -1);
  }

  #count(launch: OpenLaunch | undefined, change: number): void {
    if (!launch) return;
    this.#living.set(launch, (this.#living.get(launch) ?? 0) + change);
    this.settle(launch.launchId);
  }

  /** Looks whether a launch has ended. */
  settle(launchId: string): void {
    const launch = this.#launches.get(launchId);
    if (!launch || (this.#living.get(launch) ?? 0) > 0 || this.life.populated(launchId)) return;
    this.#living.delete(launch);
    this.#launches.delete(launchId);
    this.life.ended(launch);
  }

  /** As `find`; who is a member is one from then on, wherever it or its parent goes. */
  inherit(process: Asker, chain: readonly Asker[], groupOf: string | undefined): Membership | undefined {
    const membership = this.find(process, chain, groupOf);
    if (membership && !this.#byKey.has(process.key)) this.add(process.key, membership);
    return membership;
  }

  /**
   * The membership that a process has or would get; nothing is kept of the question. What it was pinned as comes first: leaving a group
   * gains nothing. Then the launch in whose control group it is (`groupOf`), then the nearest living ancestor that is a member; `chain` is
   * pinned and nearest first.
   */
  find({ key }: Asker, chain: readonly Asker[], groupOf: string | undefined): Membership | undefined {
    const own = this.#byKey.get(key);
    if (own) return own;
    const above = chain.find((ancestor) => this.#byKey.has(ancestor.key));
    const inherited = above && this.#byKey.get(above.key);
    const launch = groupOf === undefined ? undefined : this.#launches.get(groupOf);
    if (launch) {
      const { agentId, agentName } = launch;
      return { agentId, agentName, launch, kind: 'cgroup', via: inherited?.launch === launch ? above?.key : undefined };
    }
    return inherited && { ...inherited, kind: 'ancestor', via: above?.key };
  }

  /** True where any process of the chain belongs to an agent. */
  touches(chain: readonly Asker[]): boolean {
    return chain.some((ancestor) => this.#byKey.has(ancestor.key));
  }

  /** A process ended. */
  ended(processKey: string): void {
    const membership = this.#byKey.get(processKey);
    this.#byKey.delete(processKey);
    this.#count(membership?.launch, -1);
  }
}

/** `measured.launcher` stands for the program that called: as long as it runs, the launched one does not. */
const measuredLaunch = (launch: OpenLaunch, key: string, image: object): MeasuredLaunch | undefined =>
  launch.measured && {
    measures: launch.measured.measures,
    shebang: launch.measured.shebang,
    changed: launch.changed,
    runs: key === launch.processKey && image !== launch.measured.launcher,
  };

/** A membership as the `launch` attestor sees it. */
export const launchMembership = (
  membership: Membership | undefined,
  { key, image }: { readonly key: string; readonly image: object },
): LaunchMembership | undefined =>
  membership?.launch && {
    launchId: membership.launch.launchId,
    name: membership.launch.name,
    programPath: membership.launch.programPath,
    programSha256: membership.launch.programSha256,
    user: membership.launch.user,
    uid: membership.launch.uid,
    ownUid: membership.launch.ownUid,
    programSeen: membership.launch.programSeen,
    via: membership.kind,
    measured: measuredLaunch(membership.launch, key, image),
  };
