import type {
  ManifestAcceptedAnswer,
  ManifestAnswer,
  ManifestChanges,
  ManifestEntryItem,
  ManifestItem,
  SeenHash,
} from '../domain/manifest-answers';
import { entryChanges } from '../domain/manifest-changes';
import { hasExpired } from '../domain/manifest-standing';
import type { AffectedItem } from '../domain/rule-answers';
import { isManifestMatch, type RuleVersion } from '../domain/rule';
import { manifestKeyId, manifestKeyText } from '../verify/manifest-key';
import { rfc3339 } from '../domain/instant';
import { type Accepted, keysInForce, type LoadedManifest, type LoadedStatement } from './manifests';

/** One line of `manifest ls`. */
export function manifestItem({ row, statements }: LoadedManifest, rules: readonly RuleVersion[], nowMs: number): ManifestItem {
  const [newest] = statements;
  const [stored] = row.statements;
  return {
    name: row.name,
    kind: row.kind,
    state: newest ? (hasExpired(newest, nowMs) ? 'expired' : 'in-force') : 'damaged',
    version: stored?.version ?? 0,
    entries: newest?.statement.entries.length ?? 0,
    statementSha256: stored?.statementSha256 ?? '',
    signedBy: newest?.keyId ?? null,
    accepted: rfc3339(stored?.acceptedAtMs ?? row.addedAtMs),
    expires: newest?.expiresAtMs === undefined ? null : rfc3339(newest.expiresAtMs),
    author: stored?.author ?? row.author,
    rules: rules.filter(({ rule }) => Object.values(rule.match).some((value) => names(value, row.name))).map(({ rule }) => rule.name),
  };
}

const names = (value: RuleVersion['rule']['match'][string], name: string): boolean => isManifestMatch(value) && value.manifest === name;

/** Everything `manifest show` tells of one manifest. */
export function manifestAnswer(
  manifest: LoadedManifest,
  rules: readonly RuleVersion[],
  seen: readonly SeenHash[],
  nowMs: number,
): ManifestAnswer {
  const { row, statements } = manifest;
  const [newest, before] = statements;
  return {
    manifest: manifestItem(manifest, rules, nowMs),
    keys: keysInForce(manifest).map((key) => ({ id: manifestKeyId(key), form: key.form, text: manifestKeyText(key) })),
    entries: (newest?.statement.entries ?? []).map(entryItem),
    configurationSha256: (newest && row.kind === 'configuration' && newest.admits[0]) || null,
    agent: newest?.statement.agent ?? null,
    statements: statements.map(({ row: stored, statement, keyId, expiresAtMs }) => ({
      version: stored.version,
      entries: statement.entries.length,
      statementSha256: stored.statementSha256,
      signedBy: keyId,
      accepted: rfc3339(stored.acceptedAtMs),
      expires: expiresAtMs === undefined ? null : rfc3339(expiresAtMs),
      author: stored.author,
    })),
    changes: newest && before ? changesOf(before, newest) : null,
    seen,
  };
}

const entryItem = ({ name, sha256 }: ManifestEntryItem): ManifestEntryItem => ({ name, sha256 });

const changesOf = (before: LoadedStatement, after: LoadedStatement): ManifestChanges => ({
  fromVersion: before.version,
  ...entryChanges(before.statement.entries, after.statement.entries),
});

/** What `manifest add` and `manifest update` answer. */
export function acceptedAnswer(
  { manifest, statement }: Accepted,
  from: number | null,
  affected: readonly AffectedItem[],
): ManifestAcceptedAnswer {
  return {
    name: manifest.row.name,
    kind: manifest.row.kind,
    from,
    to: statement.version,
    changed: from !== statement.version,
    entries: statement.statement.entries.length,
    statementSha256: statement.row.statementSha256,
    signedBy: statement.keyId,
    expires: statement.expiresAtMs === undefined ? null : rfc3339(statement.expiresAtMs),
    keys: keysInForce(manifest).map(manifestKeyId),
    keysChanged: from === null || changesKeys(manifest, statement),
    affected,
  };
}

/** True where other keys count since this statement than before it: an administrator named them with it, or it hands over to them. */
const changesKeys = ({ row }: LoadedManifest, { version }: LoadedStatement): boolean =>
  row.keys.some(({ fromVersion }) => fromVersion === version + 1 || (fromVersion === version && fromVersion > 1));

/** The newest version that lists a hash, and the label of the release it is. */
export function listing(
  { row, statements }: LoadedManifest,
  sha256: string,
): { readonly version: number | null; readonly name: string | null } {
  const found = statements.find(({ admits }) => admits.includes(sha256));
  const entry = row.kind === 'releases' ? found?.statement.entries.find((one) => one.sha256 === sha256) : undefined;
  return { version: found?.version ?? null, name: entry?.name ?? null };
}
