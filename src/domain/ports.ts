import type { ProcessAssurance } from './assurance';
import type { AgentSummary, AuthorityRow, AuthorityStage, Chain, CredentialRow, Installation, LineageEntry } from './lineage';
import type { MembershipKind } from './membership';
import type { Rule, RuleVersion } from './rule';

/** What the core needs from the world, on one page, with the promises an implementer keeps. */

/** The only source of time. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump either way. */
  nowMs(): number;
  /** Never goes back; its zero means nothing. */
  monotonicMs(): number;
  /** Calls `run` once after at least `delayMs`; the returned function cancels. Never keeps the process alive. */
  after(delayMs: number, run: () => void): () => void;
}

/** The only source of randomness: cryptographic, and no byte is handed out twice. */
export interface Random {
  bytes(length: number): Buffer;
}

/** Constant messages, details in fields; secrets never. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

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
}

/** Names of accounts. Returns undefined where there is none; never throws. */
export interface Accounts {
  userName(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
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
  attest(view: ProcessView, context: AttestContext): Promise<readonly Observation[]> | readonly Observation[];
}

/** What the node itself knows beside /proc: the launch that the process belongs to, where it belongs to one. */
export interface AttestContext {
  readonly launch: LaunchMembership | undefined;
}

export interface LaunchMembership {
  readonly launchId: string;
  readonly name: string;
  readonly programPath: string;
  readonly programSha256: string;
  readonly user: string;
  readonly uid: number;
  /** The announced program was seen running in the launched process; until then its path and hash are `declared`. */
  readonly programSeen: boolean;
  /** How membership is known. */
  readonly via: MembershipKind;
}

/**
 * Appends to the lineage. When `append` resolves, the entry is committed and durable. When it rejects, nothing of the entry may be
 * acted on: E_DB_DOWN and E_OVERLOADED mean it was not written, E_LINEAGE_NOT_DURABLE that nobody knows.
 * Entries are committed in the order of calls; one call's rows are atomic.
 */
export interface LineageWriter {
  append(entry: LineageEntry): Promise<void>;
}

/** Reads the lineage. Every list is bounded by its `limit`. Throws E_DB_DOWN. */
export interface LineageReader {
  /** Credentials whose serial or jti starts with `prefix` (≥ 4 hex digits), newest first. */
  credentialsByPrefix(prefix: string, limit: number): Promise<readonly CredentialRow[]>;
  /** Credentials of processes that had this pid on the device, newest first. */
  credentialsByPid(deviceId: string, pid: number, limit: number): Promise<readonly CredentialRow[]>;
  chain(serial: string): Promise<Chain | undefined>;
  /** Running agents, newest first; with `ended` those that have ended as well. */
  agents(filter: { readonly ended: boolean; readonly uid?: number }, limit: number): Promise<readonly AgentSummary[]>;
  /** By id, or by name, or by a unique prefix (≥ 4 characters) of either. */
  agentsByReference(reference: string, limit: number): Promise<readonly AgentSummary[]>;
  device(machineId: string): Promise<{ readonly id: string } | undefined>;
  person(deviceId: string, uid: number, name: string): Promise<{ readonly id: string } | undefined>;
}

/** Rules and their versions. */
export interface RuleStore {
  current(): Promise<readonly RuleVersion[]>;
  versions(name: string, limit: number): Promise<readonly RuleVersion[]>;
  /**
   * Adds a version of each rule whose content differs from its newest one, all or nothing, and returns what is then in force.
   * Two callers at once are put in an order.
   */
  apply(
    rules: readonly { rule: Rule; contentSha256: string; canonical: string }[],
    author: string,
    atMs: number,
  ): Promise<readonly RuleVersion[]>;
}

/** Public halves and stages of authorities. */
export interface AuthorityStore {
  all(): Promise<readonly AuthorityRow[]>;
  add(row: AuthorityRow): Promise<void>;
  stage(keyId: string, stage: AuthorityStage, atMs: number): Promise<void>;
  /** The bundle's sequence number; `bump` makes the next one durable before it returns it. */
  sequence(bump: boolean): Promise<number>;
}

export interface InstallationStore {
  read(): Promise<Installation | undefined>;
  create(installation: Installation): Promise<Installation>;
}
