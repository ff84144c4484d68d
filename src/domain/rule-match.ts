import type { MatchValue, Rule } from './rule';
import { isManifestMatch } from './rule';
import { readHashes } from './rule-hashes';
import { ANY_VALUE, mayMatchAny, selectorType, SELECTORS } from './selectors';
import type { SelectorType } from './selectors';
import { join } from './rule-reader';
import type { RuleReader } from './rule-reader';
import { suggestion } from './rule-problem';
import type { YamlNode } from './rule-yaml';

/** Most selector types of one rule, values of one selector, and bytes of one value. */
export const MAX_MATCH_SELECTORS = 16;
export const MAX_MATCH_VALUES = 256;
export const MAX_MATCH_VALUE_BYTES = 4096;

/**
 * What a rule matches: known selector types with their alternatives, sorted, each once. A rule needs at least one selector that a process
 * cannot choose for itself: whoever may start a program may put it at a path, below a parent, or in a control group.
 */
export function readMatch(reader: RuleReader, node: YamlNode | undefined): Rule['match'] | undefined {
  if (node === undefined) return undefined;
  if (node.kind !== 'map') return reader.problem(node.at, 'match', 'match is a map of selectors and values');
  if (node.entries.length === 0) return reader.problem(node.at, 'match', 'match is empty, so it would hold for every process');
  if (node.entries.length > MAX_MATCH_SELECTORS)
    return reader.problem(node.at, 'match', `match names more than ${MAX_MATCH_SELECTORS} selectors`);
  const before = reader.count;
  const match: [SelectorType, MatchValue][] = [];
  for (const { key, keyAt, value } of node.entries) {
    const path = join('match', key);
    const selector = selectorType(key);
    if (selector === undefined) {
      const meant = suggestion(
        key,
        SELECTORS.map(({ type }) => type),
      );
      reader.problem(
        keyAt,
        path,
        `unknown selector ${key}${meant === undefined ? '; docs/rules.md lists them' : `; did you mean ${meant}?`}`,
      );
      continue;
    }
    const values = readValues(reader, value, path, selector);
    if (values !== undefined) match.push([selector, isManifestMatch(values) ? values : [...new Set(values)].sort()]);
  }
  if (reader.count > before) return undefined;
  if (!match.some(([{ strength }]) => strength === 'identity')) {
    return reader.problem(
      node.at,
      'match',
      `match names only what others can bring about (${match.map(([{ type }]) => type).join(', ')}): add a hash, an account or a launch selector`,
    );
  }
  return Object.fromEntries(match.map(([{ type }, values]) => [type, values]));
}

function readValues(reader: RuleReader, node: YamlNode, path: string, selector: SelectorType): MatchValue | undefined {
  if (node.kind === 'map')
    return selector.form === 'sha256'
      ? readHashes(reader, node, path)
      : reader.problem(node.at, path, `${path} is a value or a list of values`);
  const values = reader.items(node, path, MAX_MATCH_VALUES)?.map((item) => readValue(reader, item, path, selector));
  return values?.every((value) => value !== undefined) ? values : undefined;
}

function readValue(reader: RuleReader, node: YamlNode, path: string, selector: SelectorType): string | undefined {
  const value = plainValue(reader, node, path, selector);
  if (value === undefined) return undefined;
  if (value === ANY_VALUE) {
    return mayMatchAny(selector.type)
      ? value
      : reader.problem(node.at, path, '"*" stands for any value with launch selectors only, and not for a yes or no');
  }
  const fault = valueFault(value, selector.form);
  return fault === undefined ? value : reader.problem(node.at, path, `${path} ${fault}`);
}

/** Numbers and booleans may stand unquoted where the selector is one; elsewhere they would change their spelling. */
function plainValue(reader: RuleReader, node: YamlNode, path: string, { form }: SelectorType): string | undefined {
  const value = node.kind === 'scalar' ? node.value : undefined;
  if (form === 'number' && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  if (form === 'boolean' && typeof value === 'boolean') return String(value);
  return reader.anyText(node, path);
}

export function valueFault(value: string, form: SelectorType['form']): string | undefined {
  switch (form) {
    case 'sha256':
      return /^[0-9a-f]{64}$/.test(value) ? undefined : 'is a SHA-256 in 64 lower-case hex digits';
    case 'number':
      return /^(0|[1-9][0-9]{0,19})$/.test(value) ? undefined : 'is a whole number';
    case 'boolean':
      return value === 'true' || value === 'false' ? undefined : 'is true or false';
    case 'path':
      return textFault(value) ?? (value.startsWith('/') ? undefined : 'is an absolute path');
    case 'text':
      return textFault(value);
  }
}

const textFault = (value: string): string | undefined =>
  value === '' || value.includes('\0') || !value.isWellFormed() || Buffer.byteLength(value) > MAX_MATCH_VALUE_BYTES
    ? `is a text of 1 to ${MAX_MATCH_VALUE_BYTES} bytes`
    : undefined;
