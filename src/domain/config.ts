import { MandateError } from './errors';
import { problemAt, problemText } from './rule-problem';
import type { RuleProblem } from './rule-problem';
import { RuleReader } from './rule-reader';
import { readYaml, YamlFault } from './rule-yaml';
import type { YamlNode } from './rule-yaml';

/** What an administrator decides about an installation (mandate.yaml, docs/operations.md): read once at `up`, and frozen until the next. */
export interface Config {
  readonly admin: {
    /** Own-user mode: administration without a controlling terminal is accepted. An installed Mandate goes by uid 0 and ignores it. */
    readonly allowScripted: boolean;
  };
}

export const DEFAULT_CONFIG: Config = Object.freeze({ admin: Object.freeze({ allowScripted: false }) });

/** Where mandate.yaml is: in the state folder, or where `--config` or MANDATE_CONFIG says; a named one has to be there. */
export interface ConfigPlace {
  readonly path: string;
  readonly named: boolean;
}

/** One value, by its key in the file, and the line that set it; null where it is the default. */
export interface ConfigValue {
  readonly key: string;
  readonly value: boolean;
  readonly line: number | null;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly values: readonly ConfigValue[];
}

/** Every key of the file, in the order `config show` prints them. A test holds docs/schema/mandate.schema.json to this list. */
export const CONFIG_KEYS = ['admin.allow_scripted'] as const;

/** What holds where there is no file. */
export const defaultConfig = (): LoadedConfig => loaded(undefined, () => null);

/** The configuration that a text of mandate.yaml says. Throws E_CONFIG with every problem, each with line, column and the line itself. */
export function parseConfig(file: string, text: string): LoadedConfig {
  const problems: RuleProblem[] = [];
  const source = { file, text, readFile: () => '' };
  const reader = new RuleReader(source, problems, 'a configuration');
  const document = documentOf(source, problems);
  const top = reader.map(document, '', ['admin']);
  const admin = reader.map(top?.admin, 'admin', ['allow_scripted']);
  const node = admin?.allow_scripted;
  const allowScripted = reader.boolean(node, 'admin.allow_scripted');
  if (problems.length > 0) {
    throw new MandateError('E_CONFIG', {
      saw: problems.slice(0, 10).map(problemText).join('\n'),
      fix: 'docs/operations.md lists every key',
    });
  }
  return loaded(allowScripted, () => (node === undefined ? null : reader.lineOf(node.at)));
}

function loaded(allowScripted: boolean | undefined, line: () => number | null): LoadedConfig {
  const admin = Object.freeze({ allowScripted: allowScripted ?? DEFAULT_CONFIG.admin.allowScripted });
  return {
    config: Object.freeze({ admin }),
    values: [{ key: CONFIG_KEYS[0], value: admin.allowScripted, line: line() }],
  };
}

/** The one document of the text; undefined where it is empty, or wrong and noted. */
function documentOf(source: { readonly file: string; readonly text: string }, problems: RuleProblem[]): YamlNode | undefined {
  try {
    const [first, second] = readYaml(source.text);
    if (second !== undefined) problems.push(problemAt(source, second.at, '', 'a configuration is one document'));
    return first;
  } catch (fault) {
    if (!(fault instanceof YamlFault)) throw fault;
    problems.push(problemAt(source, fault.at, fault.key, fault.message));
    return undefined;
  }
}
