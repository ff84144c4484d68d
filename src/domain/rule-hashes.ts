import { longDurationSeconds } from './duration';
import { MANIFEST_NAME } from './manifest';
import type { ManifestMatch } from './rule';
import { join } from './rule-reader';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';

/** Most hashes of one hash file, and longest grace of a manifest in seconds. */
export const MAX_LISTED_HASHES = 4096;
export const MAX_GRACE_SECONDS = 90 * 86_400;
const MAX_HASH_FILE_LENGTH = 1024 * 1024;

/** Hashes that stand elsewhere: `{ file: PATH }` as they are in the file now, `{ manifest: NAME, grace: 14d }` by name, as they come to be. */
export function readHashes(reader: RuleReader, node: YamlNode, path: string): readonly string[] | ManifestMatch | undefined {
  const entries = reader.map(node, path, ['file', 'manifest', 'grace']);
  if (entries === undefined) return undefined;
  const { file, manifest, grace } = entries;
  if (manifest !== undefined && file === undefined) return readManifest(reader, manifest, grace, path);
  if (manifest === undefined && file !== undefined && grace === undefined) return readHashFile(reader, file, path);
  return reader.problem(node.at, path, `${path} names a file, or a manifest with or without a grace`);
}

function readManifest(reader: RuleReader, node: YamlNode, grace: YamlNode | undefined, path: string): ManifestMatch | undefined {
  const manifest = reader.text(
    node,
    join(path, 'manifest'),
    MANIFEST_NAME,
    'a manifest has a name of 1 to 63 of a-z 0-9 and -, with no - at either end',
  );
  const graceSeconds = grace === undefined ? 0 : readGrace(reader, grace, join(path, 'grace'));
  return manifest === undefined || graceSeconds === undefined ? undefined : { manifest, graceSeconds };
}

function readGrace(reader: RuleReader, node: YamlNode, path: string): number | undefined {
  const value = node.kind === 'scalar' && (typeof node.value === 'string' || typeof node.value === 'number') ? node.value : '';
  const seconds = longDurationSeconds(value);
  if (seconds !== undefined && seconds <= MAX_GRACE_SECONDS) return seconds;
  return reader.problem(node.at, path, `${path} is a duration of at most 90 days, such as 12h or 14d`);
}

function readHashFile(reader: RuleReader, file: YamlNode, path: string): readonly string[] | undefined {
  const name = reader.text(file, join(path, 'file'), /^[^\0]{1,4096}$/, `${path}.file is a path`);
  if (name === undefined) return undefined;
  let text: string;
  try {
    text = reader.source.readFile(name);
  } catch {
    return reader.problem(file.at, path, `the file ${name} cannot be read`);
  }
  if (text.length > MAX_HASH_FILE_LENGTH) return reader.problem(file.at, path, `the file ${name} is too large for a list of hashes`);
  const hashes = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const wrong = hashes.findIndex((line) => line !== '' && !/^[0-9a-f]{64}$/.test(line));
  if (wrong !== -1) return reader.problem(file.at, path, `line ${wrong + 1} of ${name} is not a SHA-256 in 64 lower-case hex digits`);
  const listed = hashes.filter((line) => line !== '');
  if (listed.length === 0) return reader.problem(file.at, path, `the file ${name} lists no hash`);
  return listed.length > MAX_LISTED_HASHES
    ? reader.problem(file.at, path, `the file ${name} lists more than ${MAX_LISTED_HASHES} hashes`)
    : listed;
}
