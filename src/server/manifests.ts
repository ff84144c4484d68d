import { MandateError } from '../domain/errors';
import { admittedBy } from '../domain/manifest';
import type { ManifestKey, ManifestRow, ManifestStatement, StatementRow } from '../domain/manifest';
import { type AcceptedStatement, type ManifestStanding, manifestStanding } from '../domain/manifest-standing';
import type { Log, ManifestStore } from '../domain/ports';
import type { ManifestMatch } from '../domain/rule';
import { envelopeText, readEnvelope } from '../verify/dsse';
import { verifyManifest } from '../verify/manifest';

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

  /** Begins a manifest. Throws E_MANIFEST_INVALID, E_MANIFEST_SIGNATURE, E_MANIFEST_EXISTS. */
  async add(envelope: string, keys: readonly ManifestKey[], author: string, atMs: number): Promise<Accepted> {
    const { statement, row } = accepted(envelope, keys, author, atMs);
    const { name, kind } = statement;
    await this.store.add({ name, kind, keys, author, addedAtMs: atMs, statements: [row] }, MAX_MANIFESTS);
    return this.#reloaded(name, row.version);
  }

  /**
   * Takes a newer statement of a manifest that is there; the statement in force once more changes nothing. Throws E_NOT_FOUND,
   * E_INTEGRITY where the manifest is damaged, E_MANIFEST_INVALID, E_MANIFEST_SIGNATURE, E_MANIFEST_ROLLBACK.
   */
  async update(name: string, envelope: string, author: string, atMs: number): Promise<Accepted> {
    const known = this.get(name);
    if (!known) throw noSuchManifest(name);
    const [newest] = known.statements;
    if (!newest) throw new MandateError('E_INTEGRITY', { saw: `manifest ${name}` });
    const { statement, row } = accepted(envelope, known.row.keys, author, atMs);
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
    await this.store.append(name, row);
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

export const noSuchManifest = (name: string) =>
  new MandateError('E_NOT_FOUND', { saw: `manifest ${name.slice(0, 100)}`, fix: 'mandate manifest ls shows which there are' });

function accepted(text: string, keys: readonly ManifestKey[], author: string, acceptedAtMs: number) {
  const { statement, statementSha256 } = verifyManifest(text, keys);
  // What DSSE lets stand beside payload and signatures is not kept.
  const envelope = envelopeText(readEnvelope(text));
  return { statement, row: { version: statement.version, envelope, statementSha256, author, acceptedAtMs } };
}

function loaded({ name, kind, keys }: ManifestRow, row: StatementRow): LoadedStatement {
  const { statement, keyId, statementSha256 } = verifyManifest(row.envelope, keys);
  const same =
    statement.name === name && statement.kind === kind && statement.version === row.version && statementSha256 === row.statementSha256;
  if (!same) throw new MandateError('E_INTEGRITY', { saw: `manifest ${name} v${row.version}` });
  return { row, statement, keyId, version: row.version, acceptedAtMs: row.acceptedAtMs, admits: admittedBy(statement) };
}
