import { MandateError } from './errors';
import { KEY_HOMES, type WantedKeyHome } from './key-seal';
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
  readonly keys: {
    /** Where authority keys rest; a start that finds them elsewhere is refused. */
    readonly home: WantedKeyHome;
  };
}

export const DEFAULT_CONFIG: Config = Object.freeze({
  admin: Object.freeze({ allowScripted: false }),
  keys: Object.freeze({ home: 'found' }),
});

/** Where mandate.yaml is: in the state folder, or where `--config` or MANDATE_CONFIG says; a named one has to be there. */
export interface ConfigPlace {
  readonly path: string;
  readonly named: boolean;
}

/** One value, by its key in the file, and the line that set it; null where it is the default. */
export interface ConfigValue {
  readonly key: string;
  readonly value: boolean | string;
  readonly line: number | null;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly values: readonly ConfigValue[];
}

/** Every key of the file, in the order `config show` prints them. A test holds docs/schema/mandate.schema.json to this list. */
export const CONFIG_KEYS = ['admin.allow_scripted', 'keys.home'] as const;

/** What holds where there is no file. */
export const defaultConfig = (): LoadedConfig => loaded({});

/** The configuration that a text of mandate.yaml says. Throws E_CONFIG with every problem, each with line, column and the line itself. */
export function parseConfig(file: string, text: string): LoadedConfig {
  const problems: RuleProblem[] = [];
  const source = { file, text, readFile: () => '' };
  const reader = new RuleReader(source, problems, 'a configuration');
  const document = documentOf(source, problems);
  const top = reader.map(document, '', ['admin', 'keys']);
  const admin = reader.map(top?.admin, 'admin', ['allow_scripted']);
  const keys = reader.map(top?.keys, 'keys', ['home']);
  const allowScripted = reader.boolean(admin?.allow_scripted, 'admin.allow_scripted');
  const home = reader.word(keys?.home, 'keys.home', KEY_HOMES);
  if (problems.length > 0) {
    throw new MandateError('E_CONFIG', {
      saw: problems.slice(0, 10).map(problemText).join('\n'),
      fix: 'docs/operations.md lists every key',
    });
  }
  // Lines are told in ascending order of the text only.
  const nodes = [admin?.allow_scripted, keys?.home].filter((node) => node !== undefined).sort((a, b) => a.at - b.at);
  const lines = new Map(nodes.map((node) => [node, reader.lineOf(node.at)]));
  const line = (node: YamlNode | undefined) => (node && lines.get(node)) ?? null;
  return loaded({
    ...(allowScripted !== undefined && { allowScripted: [allowScripted, line(admin?.allow_scripted)] }),
    ...(home !== undefined && { home: [home, line(keys?.home)] }),
  });
}

/** What a file said, each with its line. */
interface Said {
  readonly allowScripted?: readonly [boolean, number | null];
  readonly home?: readonly [WantedKeyHome, number | null];
}

function loaded(said: Said): LoadedConfig {
  const [allowScripted, scriptedLine] = said.allowScripted ?? [DEFAULT_CONFIG.admin.allowScripted, null];
  const [home, homeLine] = said.home ?? [DEFAULT_CONFIG.keys.home, null];
  return {
    config: Object.freeze({ admin: Object.freeze({ allowScripted }), keys: Object.freeze({ home }) }),
    values: [
      { key: CONFIG_KEYS[0], value: allowScripted, line: scriptedLine },
      { key: CONFIG_KEYS[1], value: home, line: homeLine },
    ],
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
