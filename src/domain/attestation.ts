import type { ProcessAssurance } from './assurance';
import type { Confinement } from './confinement';
import type { Holders } from './connection';
import type { Delivery } from './delivery';
import type { Fact } from './evidence';
import type { GovernedAgent } from './governed-by';
import type { LaunchMeasures, LaunchPart } from './launch-measures';
import type { MembershipKind } from './membership';
import type { RunningScript } from './running-script';

/** What attesting a process needs from the world, and what an attestor is; with the promises an implementer keeps. */

/**
 * A pinned process, read through handles that can never come to mean another process: when it is gone every read fails,
 * even if its pid is taken again.
 */
export interface ProcessView {
  readonly key: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly startTicks: string;
  /** False once the process has ended. */
  alive(): boolean;
  /** Throws unless it still is the program that it was pinned with: E_PEER_GONE, E_PEER_EXEC, E_PEER_CREDENTIALS, E_PEER_TRACED. */
  recheck(): void;
  /** A file below /proc/PID as text, latin-1, at most 1 MiB. Throws E_PEER_GONE or E_ATTEST_UNREADABLE. */
  read(file: string): string;
  /** Target of a link below /proc/PID (`exe`, `cwd`, `ns/user`, …), latin-1. Throws like `read`. */
  link(name: string): string;
  /** The running program, open for reading; the caller closes it. Throws like `read`. */
  openExe(): ExeHandle;
  /** Living ancestors, nearest first, each pinned while it was read; at most 64. `end` says why the walk ended. */
  ancestors(): { readonly chain: readonly AncestorView[]; readonly end: string };
  /** Inode of its cgroup v2 folder, decimal; undefined where the kernel does not say. */
  cgroupId?(): string | undefined;
  /** False where it sees other mounts than the node: then any user may have chosen the paths that the kernel shows for it. */
  sameMounts?(): boolean;
  /** Stands for the program that it runs now: the same object until it executes, another one afterwards. */
  readonly image: object;
  /** Its /proc folder, opened once more; the caller closes it. Throws like `read`. */
  openFolder(): FolderHandle;
}

/** A folder held open for somebody who may need it for longer than the process stays pinned. */
export interface FolderHandle {
  readonly fd: number;
  close(): void;
}

/** What a process says about itself in its own memory, as it stood when it was first looked at. It may have written anything there. */
export interface OwnWords {
  /** Its arguments, program name included, latin-1; those that fit into 64 KiB. */
  readonly args: readonly string[];
  /** Which of the environment variables that are looked for it has. */
  readonly variables: ReadonlySet<string>;
  /** Values of the few variables that say where a program looks for its files, latin-1. Never recorded. */
  readonly places: ReadonlyMap<string, string>;
}

/** Code that a process has mapped from files. */
export interface MappedCode {
  /** Paths of what neither the system installed, nor lies beside the program, latin-1, sorted. */
  readonly foreign: readonly string[];
  /** False where there was more than is read. */
  readonly complete: boolean;
  /** Name of the type of the file system that the program lies on, or its number in hex. */
  readonly fileSystem: string;
  /** The user of the process may write to a folder on the way to its program. */
  readonly replaceable: boolean;
}

/** A regular file as a process sees it. */
export interface SeenFile {
  /** Where it lies after all links, latin-1. */
  readonly path: string;
  readonly sha256: string;
}

export interface WantedText {
  /** Absolute, or from the working folder of the process; latin-1. */
  readonly path: string;
  /** Members of a JSON object to take the hash of instead of the whole file's; each is a path of names. */
  readonly members?: readonly (readonly string[])[];
  /** The text is wanted too. */
  readonly text?: boolean;
  /** The first line alone is wanted, text and hash, at most 256 bytes of it. */
  readonly firstLine?: boolean;
}

/** `refused` is what may not be read by the user of the process, is no regular file, or is too large. */
export type FoundText =
  { readonly state: 'absent' | 'refused' } | { readonly state: 'read'; readonly sha256: string; readonly text?: string };

/**
 * Reads what a process, or whoever serves its files, may make a reader wait for: its memory, and files under paths that it chose. Every
 * read is bounded in size and time, and whoever lets one hang delays only itself. Files are looked up from the root and the working
 * folder of the process, with the permissions of its user: an answer tells nobody what they could not read themselves.
 * Throws E_ATTEST_UNREADABLE, E_PEER_GONE, E_OVERLOADED.
 */
export interface PatientReader {
  ownWords(view: ProcessView): Promise<OwnWords>;
  code(view: ProcessView): Promise<MappedCode>;
  /** The script that it runs by its own words; undefined where it is no interpreter, or these say nothing any more. */
  script(view: ProcessView): Promise<RunningScript | undefined>;
  /** The first of these paths that is a regular file of at most 64 MiB. */
  file(view: ProcessView, paths: readonly string[]): Promise<SeenFile | undefined>;
  /** Small files, at most 256 KiB each, in the order asked for. */
  texts(view: ProcessView, wanted: readonly WantedText[]): Promise<readonly FoundText[]>;
  /**
   * Begins what `agent` answers, together with the words and the script of a newcomer. Nothing for one whose words were asked for in an
   * earlier turn.
   */
  agentAhead(view: ProcessView, asked: AgentAsked): void;
  /** Which known AI agent it is, and what governs that now; undefined for what is none. What was begun ahead counts for a second. */
  agent(view: ProcessView, asked: AgentAsked, script: RunningScript | undefined): Promise<GovernedAgent | undefined>;
}

export interface AgentAsked {
  /** Of its account; undefined where it has none. */
  readonly home: string | undefined;
  /** As Runs.launched. */
  readonly launched: boolean;
}

export interface AncestorView {
  readonly key: string;
  readonly pid: number;
  readonly uid: number;
  /** Path of its program as the kernel shows it, as `fileText`; empty where it may not be read. */
  readonly exe: string;
  /** As ProcessView.sameMounts. */
  readonly sameMounts?: boolean;
}

export interface ExeHandle {
  readonly fd: number;
  /** `dev:ino`: which inode is running. */
  readonly inode: string;
  readonly sizeBytes: number;
  readonly ownerUid: number;
  readonly mode: number;
  close(): void;
}

/** Hashes open files off the main thread; one computation per inode version, however many ask. */
export interface FileHasher {
  /** SHA-256 in lower-case hex. Throws E_ATTEST_TOO_LARGE above the cap and E_ATTEST_CHANGED where the file changed meanwhile. */
  sha256(handle: ExeHandle): Promise<string>;
}

/** What holds for the whole device until it boots again; an empty value where there is none. */
export interface HostFacts {
  readonly hostname: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly os: string;
  readonly kernel: string;
  /** How a process that connects is pinned: by the pidfd that the kernel keeps with its connection, or by its pid, which may have been taken again before it was. */
  readonly pinnedBy: 'connection' | 'pid';
}

/** Names of accounts. Returns undefined where there is none; never throws. */
export interface Accounts {
  userName(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
}

/** Home folders of accounts, absolute, latin-1 as all paths. Returns undefined where there is none; never throws. */
export interface Homes {
  home(uid: number): string | undefined;
}

/** The cgroup v2 tree of the device. */
export interface Cgroups {
  /** True where nobody but root can have put a process into this folder from outside of it, or made a group in it. False where that cannot be known. */
  onlyRootMoves(folder: string): boolean;
}

/** One fact as an attestor states it; the host adds the attestor's name in front of `name`. */
export interface Observation {
  readonly name: string;
  readonly value: string;
  readonly assurance: ProcessAssurance;
}

/**
 * A source of facts. It gathers and decides nothing. Throws a MandateError where a fact cannot be had; the host records the gap,
 * and a missing fact never makes a rule match.
 */
export interface Attestor {
  readonly name: string;
  /**
   * Begins what takes its time as soon as a process connects, so that `attest` waits less for it; `launched` where it is known to be the
   * process of a launch. Never throws.
   */
  prepare?(view: ProcessView, launched: boolean): void;
  attest(view: ProcessView, context: AttestContext): Promise<readonly Observation[]> | readonly Observation[];
  /** What follows from the facts of all attestors together; `gaps` names those that have none. */
  conclude?(facts: readonly Fact[], context: AttestContext, gaps: readonly string[]): readonly Observation[];
}

/** What the node itself knows beside /proc: the launch that the process belongs to, where it belongs to one. */
export interface AttestContext {
  readonly launch: LaunchMembership | undefined;
  /** What the launcher said of the domain around that launch; undefined outside a launch. */
  readonly confinement?: Confinement | undefined;
  readonly delivery?: Delivery;
  /** Who holds its connections; undefined where no rule asked for it, or there is none. */
  readonly connection?: Holders | undefined;
}

export interface MeasuredLaunch {
  readonly measures: LaunchMeasures;
  /** The program begins with `#!`: its interpreter is what runs. */
  readonly shebang: boolean;
  /** Parts that were seen to be others since; undefined until the launched process was looked at after it executed. */
  readonly changed: readonly LaunchPart[] | undefined;
  /** This is the launched process, and it has executed. */
  readonly runs: boolean;
}

export interface LaunchMembership {
  readonly launchId: string;
  readonly name: string;
  readonly programPath: string;
  readonly programSha256: string;
  readonly user: string;
  readonly uid: number;
  /** The uid that the node gave to this launch alone; 0 where it runs under its launcher's. */
  readonly ownUid: number;
  /** The announced program was seen running in the launched process; until then its path and hash are `declared`. */
  readonly programSeen: boolean;
  /** How membership is known. */
  readonly via: MembershipKind;
  /** What was measured before the program ran; undefined where this node did not see the launch. */
  readonly measured?: MeasuredLaunch | undefined;
}
