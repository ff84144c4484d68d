import type { AuthorityRow, LaterStage } from './authority-row';
import type { AgentSummary, Chain, CredentialRow, GovernedRow, Installation, LineageEntry } from './lineage';
import type { FederationRow, StoredDocument } from './federation';
import type { ManifestRow, StatementRow, TrustedKey } from './manifest';
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
 * Appends to the lineage. When `append` resolves, the entry is committed and durable. When it rejects, nothing of the entry may be
 * acted on: E_DB_DOWN and E_OVERLOADED mean it was not written, E_LINEAGE_NOT_DURABLE that nobody knows.
 * Entries are committed in the order of calls; one call's rows are atomic.
 */
export interface LineageWriter {
  append(entry: LineageEntry): Promise<void>;
}

/** Is told how long commits took, for figures. */
export interface CommitMeter {
  committed(ms: number): void;
  failed(): void;
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
  /** What governed these processes, and whether that changed; those of which nothing is on record are left out. */
  governed(processKeys: readonly string[]): Promise<readonly GovernedRow[]>;
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

/** Manifests, their keys and their statements; all of it only grows. */
export interface ManifestStore {
  /** The manifest of that name, or without one every manifest, by name; of each its newest `statements`. */
  read(statements: number, name?: string): Promise<readonly ManifestRow[]>;
  /** Begins a manifest with its first statement. Throws E_MANIFEST_EXISTS, and E_MANIFEST_INVALID where there are `most` already. */
  add(manifest: ManifestRow, most: number): Promise<void>;
  /**
   * Adds a statement whose version is higher than every one before, and the keys that count by it. `follows` is the version that it was
   * judged by: where another came meanwhile, so may have other keys. Throws E_MANIFEST_ROLLBACK.
   */
  append(name: string, statement: StatementRow, keys: readonly TrustedKey[], follows: number): Promise<void>;
}

/** Relationships to foreign trust domains, each with its newest bundle document. */
export interface FederationStore {
  /** Those that have not ended, by trust domain. */
  current(): Promise<readonly FederationRow[]>;
  /** Throws E_FEDERATION_EXISTS, and E_FEDERATION_INVALID where there are `most` already. */
  add(row: FederationRow, most: number): Promise<void>;
  /** Puts another document into the place of the last; false where the relationship has ended meanwhile. */
  replace(id: string, document: StoredDocument): Promise<boolean>;
  /** Ends the relationship and forgets its document; false where it had ended. */
  remove(id: string, atMs: number): Promise<boolean>;
}

/** Public halves and stages of authorities. */
export interface AuthorityStore {
  all(): Promise<readonly AuthorityRow[]>;
  add(row: AuthorityRow): Promise<void>;
  /** Stages only go forward (domain/authority-life.ts): throws E_NOT_FOUND where this one cannot follow the one that is stored. */
  stage(keyId: string, stage: LaterStage, atMs: number): Promise<void>;
  /** Marks a prepared one as `early`. */
  hasten(keyId: string): Promise<void>;
  /** The bundle's sequence number; `bump` makes the next one durable before it returns it. */
  sequence(bump: boolean): Promise<number>;
}

export interface InstallationStore {
  read(): Promise<Installation | undefined>;
  create(installation: Installation): Promise<Installation>;
}
