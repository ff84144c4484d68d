import { MandateError } from '../domain/errors';
import { admittedBy, keysFor } from '../domain/manifest';
import type { ManifestKey, ManifestRow, ManifestStatement, StatementRow, TrustedKey } from '../domain/manifest';
import { type AcceptedStatement, hasExpired, type ManifestStanding, manifestStanding } from '../domain/manifest-standing';
import type { Log, ManifestStore } from '../domain/ports';
import type { ManifestMatch } from '../domain/rule';
import { envelopeText, readEnvelope } from '../verify/dsse';
import { verifyManifest } from '../verify/manifest';
import { manifestKeyId } from '../verify/manifest-key';
import { rfc3339 } from '../domain/instant';

const MAX_MANIFESTS = 100;
/** Statements that count; a hash which only older ones list has lost whatever grace it had. */
export const MAX_STATEMENTS = 32;

/** A statement in force, or followed by others, with what it says. */
export interface LoadedStatement extends AcceptedStatement {
  readonly row: StatementRow;
  readonly statement: ManifestStatement;
  readonly keyId: string;
}

/** A manifest as the server uses it. */
export interface LoadedManifest {
  readonly row: ManifestRow;
  /** Newest first; empty where what is stored no longer verifies: then it admits nothing. */
  readonly statements: readonly LoadedStatement[];
}

/** A manifest with the statement that was just given for it. */
export interface Accepted {
  readonly manifest: LoadedManifest;
  readonly statement: LoadedStatement;
}

/** The manifests in force, and the two ways to change them. Nothing is taken from the database that does not verify again. */
export class Manifests {
  #byName: ReadonlyMap<string, LoadedManifest> = new Map();

  constructor(
    private readonly store: ManifestStore,
    private readonly log: Log,
  ) {}

  get all(): readonly LoadedManifest[] {
    return [...this.#byName.values()].sort((a, b) => (a.row.name < b.row.name ? -1 : 1));
  }

  get(name: string): LoadedManifest | undefined {
    return this.#byName.get(name);
  }

  /** What a rule that names a manifest admits at an instant; undefined where nothing can be relied on. */
  standing({ manifest, graceSeconds }: ManifestMatch, nowMs: number): ManifestStanding | undefined {
    return manifestStanding(this.get(manifest)?.statements ?? [], graceSeconds, nowMs);
  }

  /** Reads all of them, or one that changed. */
  async load(name?: string): Promise<void> {
    const rows = await this.store.read(MAX_STATEMENTS, name);
    this.#byName = new Map([...this.#byName, ...rows.map((row) => [row.name, this.#verified(row)] as const)]);
  }

  /** Begins a manifest. Throws E_MANIFEST_INVALID, E_MANIFEST_SIGNATURE, E_MANIFEST_EXPIRED, E_MANIFEST_EXISTS. */
  async add(envelope: string, keys: readonly ManifestKey[], author: string, atMs: number): Promise<Accepted> {
    const { statement, row } = accepted(envelope, keys, author, atMs);
    const { name, kind } = statement;
    const trusted = [...sinceVersion(1, keys), ...sinceVersion(row.version + 1, statement.keys)];
    await this.store.add({ name, kind, keys: trusted, author, addedAtMs: atMs, statements: [row] }, MAX_MANIFESTS);
    return this.#reloaded(name, row.version);
  }

  /**
   * Takes a newer statement of a manifest that is there; the statement in force once more changes nothing. `named` are keys that count from
   * this statement on because an administrator says so; none, and those that count already decide. Throws E_NOT_FOUND, E_INTEGRITY where
   * the manifest is damaged, E_MANIFEST_INVALID, E_MANIFEST_SIGNATURE, E_MANIFEST_EXPIRED, E_MANIFEST_ROLLBACK.
   */
  async update(name: string, envelope: string, author: string, atMs: number, named: readonly ManifestKey[] = []): Promise<Accepted> {
    const known = this.get(name);
    if (!known) throw noSuchManifest(name);
    const [newest] = known.statements;
    if (!newest) throw new MandateError('E_INTEGRITY', { saw: `manifest ${name}` });
    const { statement, row } = accepted(envelope, named.length > 0 ? named : keysInForce(known), author, atMs);
    if (statement.name !== name)
      throw new MandateError('E_MANIFEST_INVALID', { saw: `manifest ${statement.name}`, why: `it is not ${name}` });
    if (statement.kind !== known.row.kind)
      throw new MandateError('E_MANIFEST_INVALID', { saw: statement.kind, why: `manifest ${name} holds ${known.row.kind}` });
    if (statement.agent !== newest.statement.agent)
      throw new MandateError('E_MANIFEST_INVALID', {
        saw: `agent ${statement.agent ?? 'not named'}`,
        why: `manifest ${name} is for another`,
      });
    if (newest.version === row.version && newest.row.statementSha256 === row.statementSha256) return { manifest: known, statement: newest };
    // Both would count from then on, and those that are named are to stand in for the others.
    if (named.length > 0 && known.row.keys.some(({ fromVersion }) => fromVersion === row.version))
      throw new MandateError('E_MANIFEST_INVALID', {
        why: `v${newest.version} handed over to the keys of v${row.version}: sign a higher version`,
      });
    const trusted = [...sinceVersion(row.version, named), ...sinceVersion(row.version + 1, statement.keys)];
    await this.store.append(name, row, trusted, newest.version);
    return this.#reloaded(name, row.version);
  }

  async #reloaded(name: string, version: number): Promise<Accepted> {
    await this.load(name);
    const manifest = this.get(name);
    const statement = manifest?.statements.find((one) => one.version === version);
    if (!manifest || !statement) throw new MandateError('E_INTEGRITY', { saw: `manifest ${name} v${version}` });
    return { manifest, statement };
  }

  /** All of it or nothing: with a statement missing, an older one could pass for the newest. */
  #verified(row: ManifestRow): LoadedManifest {
    try {
      return { row, statements: row.statements.map((statement) => loaded(row, statement)) };
    } catch (error) {
      this.log.error({ err: error, manifest: row.name }, 'a stored manifest does not verify; it admits nothing');
      return { row, statements: [] };
    }
  }
}

/** The keys that the next statement of a manifest must be signed by. */
export const keysInForce = ({ row: { keys } }: LoadedManifest): readonly TrustedKey[] => keysFor(keys, Infinity);

const sinceVersion = (fromVersion: number, keys: readonly ManifestKey[] = []): readonly TrustedKey[] =>
  keys.map((key) => ({ ...key, fromVersion }));

export const noSuchManifest = (name: string) =>
  new MandateError('E_NOT_FOUND', { saw: `manifest ${name.slice(0, 100)}`, fix: 'mandate manifest ls shows which there are' });

function accepted(text: string, keys: readonly ManifestKey[], author: string, acceptedAtMs: number) {
  const { statement, statementSha256 } = verifyManifest(text, keys);
  if (hasExpired(statement, acceptedAtMs))
    throw new MandateError('E_MANIFEST_EXPIRED', {
      saw: `v${statement.version}`,
      why: `it expired at ${rfc3339(statement.expiresAtMs ?? 0)}`,
    });
  // A key that nobody holds would end the manifest with its next statement.
  if (statement.keys) verifyManifest(text, statement.keys);
  // What DSSE lets stand beside payload and signatures is not kept.
  const envelope = envelopeText(readEnvelope(text));
  return { statement, row: { version: statement.version, envelope, statementSha256, author, acceptedAtMs } };
}

function loaded({ name, kind, keys }: ManifestRow, row: StatementRow): LoadedStatement {
  const { statement, keyId, statementSha256 } = verifyManifest(row.envelope, keysFor(keys, row.version));
  const same =
    statement.name === name && statement.kind === kind && statement.version === row.version && statementSha256 === row.statementSha256;
  if (!same || !handedOver(statement, keys)) throw new MandateError('E_INTEGRITY', { saw: `manifest ${name} v${row.version}` });
  return {
    row,
    statement,
    keyId,
    version: row.version,
    acceptedAtMs: row.acceptedAtMs,
    ...(statement.expiresAtMs !== undefined && { expiresAtMs: statement.expiresAtMs }),
    admits: admittedBy(statement),
  };
}

/** True where the keys that a statement hands over to count from the next version on, and no others. An administrator may have named others by then. */
function handedOver(statement: ManifestStatement, keys: readonly TrustedKey[]): boolean {
  if (statement.keys === undefined) return true;
  const kept = keys.filter(({ fromVersion }) => fromVersion === statement.version + 1).map(manifestKeyId);
  return statement.keys.every((key) => kept.includes(manifestKeyId(key)));
}
