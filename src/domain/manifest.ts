import { createHash } from 'node:crypto';

/** What the entries of a manifest are: releases of a program, or the governed files of a configuration. */
export const MANIFEST_KINDS = ['releases', 'configuration'] as const;
export type ManifestKind = (typeof MANIFEST_KINDS)[number];

/** Most entries of one statement, and most bytes of one name in it. */
export const MAX_MANIFEST_ENTRIES = 1024;
export const MAX_ENTRY_NAME_BYTES = 512;
/** Most keys that count for one manifest at a time. */
export const MAX_MANIFEST_KEYS = 8;
export const MAX_MANIFEST_VERSION = 1_000_000_000;

export const MANIFEST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** How a statement names the agent that its files govern. */
export const AGENT_PRODUCT = MANIFEST_NAME;

/** One release by its label, or one governed file by its path, and the SHA-256 of its contents in lower-case hex. */
export interface ManifestEntry {
  readonly name: string;
  readonly sha256: string;
}

/** What one signed statement says (docs/manifests.md). A later version stands in for all earlier ones. */
export interface ManifestStatement {
  readonly name: string;
  readonly kind: ManifestKind;
  readonly version: number;
  /** Of a configuration: the agent that the files govern, as `agent.product` names it. With it the digest is that of `agent.config_sha256`. */
  readonly agent?: string;
  /** From this instant on it admits nothing new, and what it admitted only in grace; none, it holds until it is followed. */
  readonly expiresAtMs?: number;
  /** Keys that sign whatever follows, in place of those that count now. One of them has signed this statement too. */
  readonly keys?: readonly ManifestKey[];
  readonly entries: readonly ManifestEntry[];
}

/** How a trusted key signs: plainly over the DSSE encoding, or inside an SSH signature. A key of one form is never taken for the other. */
export const KEY_FORMS = ['ed25519', 'ssh-ed25519'] as const;
export type KeyForm = (typeof KEY_FORMS)[number];

/** A public key whose statements are accepted. */
export interface ManifestKey {
  readonly form: KeyForm;
  /** The 32 bytes of Ed25519. */
  readonly bytes: Buffer;
}

/** A key, and the version from which on it is one of those that count, until a higher version brings others. */
export interface TrustedKey extends ManifestKey {
  readonly fromVersion: number;
}

/** The keys that a statement of this version must be signed by. */
export function keysFor(keys: readonly TrustedKey[], version: number): readonly TrustedKey[] {
  const since = Math.max(...keys.map(({ fromVersion }) => fromVersion).filter((from) => from <= version));
  return keys.filter(({ fromVersion }) => fromVersion === since);
}

/** One accepted statement as it is stored; who signed it and what it says is read from the envelope each time it is loaded. */
export interface StatementRow {
  readonly version: number;
  readonly envelope: string;
  /** SHA-256 of the signed payload, lower-case hex. */
  readonly statementSha256: string;
  /** Who gave it, as recorded. */
  readonly author: string;
  readonly acceptedAtMs: number;
}

/** A manifest as it is stored: all keys that ever counted, and its newest statements, newest first. */
export interface ManifestRow {
  readonly name: string;
  readonly kind: ManifestKind;
  readonly keys: readonly TrustedKey[];
  readonly author: string;
  readonly addedAtMs: number;
  readonly statements: readonly StatementRow[];
}

/**
 * What is wrong with the name of an entry, or undefined. A label is printable ASCII without blanks; a path holds no control character,
 * or one file name could stand for two lines of the digest below.
 */
export function entryNameFault(kind: ManifestKind, name: string): string | undefined {
  if (kind === 'releases')
    return /^[\x21-\x7e]{1,128}$/.test(name) ? undefined : 'a release has a label of 1 to 128 printable ASCII characters';
  const fits = name !== '' && name.isWellFormed() && Buffer.byteLength(name) <= MAX_ENTRY_NAME_BYTES && !/\p{Cc}/u.test(name);
  return fits ? undefined : `a path has 1 to ${MAX_ENTRY_NAME_BYTES} bytes and no control character`;
}

/**
 * The digest of a configuration, lower-case hex: SHA-256 over one line for each file, `<sha256>  <path>\n` as sha256sum(1) prints it,
 * sorted by the bytes of the path. Paths are unique and hold no line break. Where the files govern an agent, a first line says which: another
 * agent does not read the same files, and would be known by fewer of them.
 */
export function configurationDigest(files: readonly GovernedFile[], agent?: string): string {
  const lines = files
    .map(({ name, sha256 }) => ({ path: Buffer.from(name, 'utf8'), sha256 }))
    .sort((a, b) => Buffer.compare(a.path, b.path))
    .map(({ path, sha256 }) => Buffer.concat([Buffer.from(`${sha256}  `), path, Buffer.from('\n')]));
  const first = agent === undefined ? [] : [Buffer.from(`agent ${agent}\n`)];
  return createHash('sha256')
    .update(Buffer.concat([...first, ...lines]))
    .digest('hex');
}

/** A file as the digest takes it; `refused` stands for the hash of one that could not be read. */
export interface GovernedFile {
  readonly name: string;
  readonly sha256: string;
}

/** The hashes that a rule compares a fact with: one for each release, or the one digest of a configuration. */
export const admittedBy = ({ kind, agent, entries }: Pick<ManifestStatement, 'kind' | 'agent' | 'entries'>): readonly string[] =>
  kind === 'configuration' ? [configurationDigest(entries, agent)] : entries.map(({ sha256 }) => sha256);
