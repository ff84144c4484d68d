import { canonicalJson } from '../domain/canonical';
import { MandateError } from '../domain/errors';
import {
  AGENT_PRODUCT,
  entryNameFault,
  MANIFEST_KINDS,
  MANIFEST_NAME,
  MAX_MANIFEST_ENTRIES,
  MAX_MANIFEST_KEYS,
  MAX_MANIFEST_VERSION,
} from '../domain/manifest';
import type { ManifestEntry, ManifestKey, ManifestKind, ManifestStatement } from '../domain/manifest';
import { manifestKeyText, readManifestKey } from './manifest-key';
import { isObject, parseStrictJson } from './strict-json';

/** What an envelope with an in-toto Statement says of its payload. */
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'urn:mandate:manifest:v1';

/** The bytes of a statement to sign, entries sorted by name: equal statements are equal bytes. */
export function statementPayload({ name, kind, version, agent, expiresAtMs, keys, entries }: ManifestStatement): Buffer {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const document = {
    _type: STATEMENT_TYPE,
    subject: sorted.map((entry) => ({ name: entry.name, digest: { sha256: entry.sha256 } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      manifest: name,
      kind,
      version,
      ...(agent !== undefined && { agent }),
      ...(expiresAtMs !== undefined && { expires: instantText(expiresAtMs) }),
      ...(keys !== undefined && { keys: keys.map(manifestKeyText) }),
    },
  };
  return Buffer.from(canonicalJson(document), 'utf8');
}

/**
 * Reads the payload of a verified envelope: an in-toto Statement v1 with the predicate of manifests. Stricter than in-toto, which lets a
 * reader skip what it does not know: a member that we skipped might be the one that limits the rest. Throws E_MANIFEST_INVALID.
 */
export function readStatement(payload: Buffer): ManifestStatement {
  let value: unknown;
  try {
    value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch (cause) {
    throw invalid('the statement is not JSON in UTF-8, or names a member twice', cause);
  }
  const statement = members(value, ['_type', 'subject', 'predicateType', 'predicate'], 'the statement');
  if (statement['_type'] !== STATEMENT_TYPE || statement['predicateType'] !== PREDICATE_TYPE)
    throw invalid(`the statement is not ${STATEMENT_TYPE} with the predicate ${PREDICATE_TYPE}`);
  const predicate = members(statement['predicate'], ['manifest', 'kind', 'version'], 'the predicate', ['agent', 'expires', 'keys']);
  const { manifest, version, agent, expires, keys } = predicate;
  if (typeof manifest !== 'string' || !MANIFEST_NAME.test(manifest))
    throw invalid('a manifest has a name of 1 to 63 of a-z 0-9 and -, with no - at either end');
  const kind = MANIFEST_KINDS.find((known) => known === predicate['kind']);
  if (kind === undefined) throw invalid(`the kind of a manifest is ${MANIFEST_KINDS.join(' or ')}`);
  if (!Number.isInteger(version) || (version as number) < 1 || (version as number) > MAX_MANIFEST_VERSION)
    throw invalid(`the version of a manifest is a whole number from 1 to ${MAX_MANIFEST_VERSION}`);
  if (agent !== undefined && (kind !== 'configuration' || typeof agent !== 'string' || !AGENT_PRODUCT.test(agent)))
    throw invalid('only a configuration names an agent, by 1 to 63 of a-z 0-9 and -');
  return {
    name: manifest,
    kind,
    version: version as number,
    ...(agent !== undefined && { agent: String(agent) }),
    ...(expires !== undefined && { expiresAtMs: readInstant(expires) }),
    ...(keys !== undefined && { keys: readKeys(keys) }),
    entries: readEntries(statement['subject'], kind),
  };
}

const instantText = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

/** Seconds of RFC 3339 in UTC, in the one form that is written. */
function readInstant(expires: unknown): number {
  const ms = typeof expires === 'string' && expires.length === 20 ? Date.parse(expires) : NaN;
  if (Number.isNaN(ms) || instantText(ms) !== expires) throw invalid('expires is an instant such as 2027-01-31T00:00:00Z');
  return ms;
}

/** 1 to 8 public keys, each once and in the one form that is written. */
function readKeys(keys: unknown): readonly ManifestKey[] {
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_MANIFEST_KEYS || new Set(keys).size < keys.length)
    throw invalid(`keys is a list of 1 to ${MAX_MANIFEST_KEYS} different public keys`);
  return keys.map((text: unknown) => {
    const key = readManifestKey(typeof text === 'string' ? text : '');
    if (manifestKeyText(key) !== text)
      throw invalid('a public key is written as PEM, or as the first two words of an OpenSSH .pub file, and a line break');
    return key;
  });
}

function readEntries(subject: unknown, kind: ManifestKind): readonly ManifestEntry[] {
  if (!Array.isArray(subject) || subject.length === 0 || subject.length > MAX_MANIFEST_ENTRIES)
    throw invalid(`a statement has 1 to ${MAX_MANIFEST_ENTRIES} subjects`);
  const names = new Set<string>();
  return subject.map((one: unknown) => {
    const { name, digest } = members(one, ['name', 'digest'], 'a subject');
    const { sha256 } = members(digest, ['sha256'], 'the digest of a subject');
    const fault = typeof name === 'string' ? entryNameFault(kind, name) : 'a subject has a name';
    if (fault !== undefined) throw invalid(fault);
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw invalid('a digest is a SHA-256 in 64 lower-case hex digits');
    if (names.has(name as string)) throw invalid('two subjects have one name');
    names.add(name as string);
    return { name: name as string, sha256 };
  });
}

/** An object with all of these members, perhaps some of the `optional` ones, and no others. */
function members<K extends string, O extends string = never>(
  value: unknown,
  names: readonly K[],
  what: string,
  optional: readonly O[] = [],
): Readonly<Record<K | O, unknown>> {
  const known: readonly string[] = [...names, ...optional];
  if (isObject(value) && names.every((name) => Object.hasOwn(value, name)) && Object.keys(value).every((name) => known.includes(name)))
    return value;
  throw invalid(
    `${what} has the members ${names.join(', ')}${optional.length > 0 ? `, perhaps ${optional.join(', ')},` : ''} and no others`,
  );
}

const invalid = (why: string, cause?: unknown) => new MandateError('E_MANIFEST_INVALID', { why }, { cause });
