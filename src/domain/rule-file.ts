import { MandateError } from './errors';
import type { Rule } from './rule';
import { canonicalRule } from './rule-canonical';
import type { CanonicalRule } from './rule-canonical';
import { readIssue } from './rule-issue';
import { RuleReader } from './rule-reader';
import { readMatch } from './rule-match';
import { problemAt, problemText } from './rule-problem';
import type { RuleProblem } from './rule-problem';
import { readRequire } from './rule-require';
import { readTests } from './rule-tests';
import type { RuleTest } from './rule-tests';
import { readYaml, YamlFault } from './rule-yaml';
import type { YamlNode } from './rule-yaml';
import { terminalText } from './terminal-text';

/** One file of rules as it was read. JSON is YAML as well. */
export interface RuleSource {
  readonly file: string;
  readonly text: string;
  /** Reads a file that the rule file names; relative paths mean the folder of the rule file. Throws where it cannot be had. */
  readonly readFile: (path: string) => string;
}

/** A rule as it is applied, with the tests that its file carries. */
export interface LoadedRule extends CanonicalRule {
  readonly tests: readonly RuleTest[];
  readonly file: string;
  readonly line: number;
}

/** Most rules in one call, and most problems reported at once. */
export const MAX_RULES = 1000;
const MAX_PROBLEMS = 50;

export const RULE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const MAX_PRIORITY = 1_000_000;

/**
 * The rules of some files (docs/rules.md), or what is wrong with them. Rules are usable only where there are no problems: half of a
 * change is another change than was meant.
 */
export function readRules(sources: readonly RuleSource[]): {
  readonly rules: readonly LoadedRule[];
  readonly problems: readonly RuleProblem[];
} {
  const rules: LoadedRule[] = [];
  const problems: RuleProblem[] = [];
  const names = new Map<string, string>();
  for (const source of sources) {
    if (problems.length >= MAX_PROBLEMS) break;
    const reader = new RuleReader(source, problems);
    for (const document of documentsOf(source, problems)) {
      const loaded = readRule(reader, document);
      if (loaded === undefined) continue;
      const { name } = loaded.rule;
      const elsewhere = names.get(name);
      if (elsewhere !== undefined) reader.problem(document.at, 'name', `there is another rule ${name} at ${elsewhere}`);
      names.set(name, `${loaded.file}:${loaded.line}`);
      rules.push(loaded);
      if (rules.length > MAX_RULES) {
        reader.problem(document.at, '', `more than ${MAX_RULES} rules`);
        return { rules: [], problems };
      }
    }
  }
  return { rules, problems: problems.slice(0, MAX_PROBLEMS) };
}

/** Like `readRules`, but throws E_RULE_INVALID with every problem in `saw`, each with file, line, column and the line itself. */
export function loadRules(sources: readonly RuleSource[]): readonly LoadedRule[] {
  const { rules, problems } = readRules(sources);
  if (problems.length === 0) return rules;
  throw new MandateError('E_RULE_INVALID', {
    saw: problems.slice(0, 10).map(problemText).join('\n'),
    why: problems.length === 1 ? 'one problem; nothing was applied' : `${problems.length} problems; nothing was applied`,
    fix: 'docs/rules.md lists every field',
  });
}

function documentsOf(source: RuleSource, problems: RuleProblem[]): readonly YamlNode[] {
  try {
    const documents = readYaml(source.text);
    if (documents.length === 0) problems.push(problemAt(source, 0, '', 'the file holds no rule'));
    return documents;
  } catch (fault) {
    if (!(fault instanceof YamlFault)) throw fault;
    problems.push(problemAt(source, fault.at, fault.key, fault.message));
    return [];
  }
}

const TOP = ['apiVersion', 'kind', 'name', 'priority', 'disabled', 'match', 'require', 'issue', 'tests'] as const;

function readRule(reader: RuleReader, document: YamlNode): LoadedRule | undefined {
  const before = reader.count;
  const line = reader.lineOf(document.at);
  const top = reader.map(document, '', TOP, ['apiVersion', 'kind', 'name', 'match', 'issue']);
  if (top === undefined) return undefined;
  reader.word(top.apiVersion, 'apiVersion', ['mandate/v1']);
  reader.word(top.kind, 'kind', ['Rule']);
  const name = reader.text(top.name, 'name', RULE_NAME, 'a name has 1 to 63 of a-z 0-9 and -, with no - at either end');
  const priority = reader.integer(top.priority, 'priority', -MAX_PRIORITY, MAX_PRIORITY) ?? 0;
  const disabled = reader.boolean(top.disabled, 'disabled') ?? false;
  const match = readMatch(reader, top.match);
  const require = readRequire(reader, top.require);
  const issue = readIssue(reader, top.issue);
  const tests = readTests(reader, top.tests);
  if (reader.count > before || name === undefined || match === undefined || issue === undefined) return undefined;
  const rule: Rule = { name, priority, disabled, match, require, issue };
  return { ...canonicalRule(rule), tests, file: terminalText(reader.source.file, 256), line };
}
