import {
  AUTHORITY_KEYS,
  type AuthorityConfig,
  type AuthorityKey,
  DEFAULT_AUTHORITY_CONFIG,
  durationText,
  readAuthorityConfig,
} from './authority-config';
import { DEFAULT_PUBLICATION, PUBLICATION_KEYS, type PublicationConfig, readPublication } from './config-publication';
import { MandateError } from './errors';
import { DEFAULT_KEY_CONFIG, KEY_CONFIG_KEYS, type KeyConfig, readKeyConfig } from './key-config';
import { problemAt, problemText } from './rule-problem';
import type { RuleProblem } from './rule-problem';
import { RuleReader } from './rule-reader';
import { readYaml, YamlFault } from './rule-yaml';
import type { YamlNode } from './rule-yaml';

/** What an administrator decides about an installation (mandate.yaml, docs/operations.md): read once at `up`, and frozen until the next. */
export interface Config extends PublicationConfig {
  readonly admin: {
    /** Own-user mode: administration without a controlling terminal is accepted. An installed Mandate goes by uid 0 and ignores it. */
    readonly allowScripted: boolean;
  };
  readonly keys: KeyConfig;
  readonly authorities: AuthorityConfig;
}

export const DEFAULT_CONFIG: Config = Object.freeze({
  admin: Object.freeze({ allowScripted: false }),
  keys: DEFAULT_KEY_CONFIG,
  authorities: DEFAULT_AUTHORITY_CONFIG,
  ...DEFAULT_PUBLICATION,
});

/** Where mandate.yaml is: in the state folder, or where `--config` or MANDATE_CONFIG says; a named one has to be there. */
export interface ConfigPlace {
  readonly path: string;
  readonly named: boolean;
}

/** One value, by its key in the file, and the line that set it; null where it is the default. */
export interface ConfigValue {
  readonly key: ConfigKey;
  /** null where nothing is set. */
  readonly value: boolean | number | string | null;
  readonly line: number | null;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly values: readonly ConfigValue[];
}

/** Every key of the file, in the order `config show` prints them. A test holds docs/schema/mandate.schema.json to this list. */
export const CONFIG_KEYS = [
  'admin.allow_scripted',
  ...KEY_CONFIG_KEYS,
  ...(Object.keys(AUTHORITY_KEYS) as AuthorityKey[]),
  ...PUBLICATION_KEYS,
] as const;
export type ConfigKey = (typeof CONFIG_KEYS)[number];

/** What holds where there is no file. */
export const defaultConfig = (): LoadedConfig => ({ config: DEFAULT_CONFIG, values: valuesOf(DEFAULT_CONFIG, () => null) });

/** The configuration that a text of mandate.yaml says. Throws E_CONFIG with every problem, each with line, column and the line itself. */
export function parseConfig(file: string, text: string): LoadedConfig {
  const problems: RuleProblem[] = [];
  const source = { file, text, readFile: () => '' };
  const reader = new RuleReader(source, problems, 'a configuration');
  const document = documentOf(source, problems);
  const top = reader.map(document, '', ['admin', 'keys', 'authorities', 'bundle', 'publish', 'web', 'oidc']);
  const admin = reader.map(top?.admin, 'admin', ['allow_scripted']);
  const allowScripted = reader.boolean(admin?.allow_scripted, 'admin.allow_scripted') ?? DEFAULT_CONFIG.admin.allowScripted;
  const keys = readKeyConfig(reader, top?.keys);
  const authorities = readAuthorityConfig(reader, top?.authorities, top?.bundle);
  const { publication, nodes } = readPublication(reader, top ?? {});
  if (problems.length > 0) {
    throw new MandateError('E_CONFIG', {
      saw: problems.slice(0, 10).map(problemText).join('\n'),
      fix: 'docs/operations.md lists every key',
    });
  }
  const config = Object.freeze({
    admin: Object.freeze({ allowScripted }),
    keys: keys.config,
    authorities: authorities.config,
    ...publication,
  });
  const lives = Object.fromEntries(authorities.read.map(({ key, node }) => [key, node]));
  const written = { 'admin.allow_scripted': admin?.allow_scripted, ...keys.nodes, ...lives, ...nodes };
  return { config, values: valuesOf(config, linesOf(reader, written)) };
}

/** Every value in the order of the keys. */
function valuesOf(
  { admin, keys, authorities, publish, web, oidc }: Config,
  line: (key: ConfigKey) => number | null,
): readonly ConfigValue[] {
  const values: Readonly<Record<ConfigKey, ConfigValue['value']>> = {
    'admin.allow_scripted': admin.allowScripted,
    'keys.home': keys.home,
    'keys.remote.address': keys.remote?.address ?? null,
    'keys.remote.token_file': keys.remote?.tokenFile ?? null,
    'keys.remote.ca': keys.remote?.ca ?? null,
    'keys.remote.certificate': keys.remote?.certificate ?? null,
    'keys.remote.key': keys.remote?.key ?? null,
    'authorities.x509.lifetime': durationText(authorities.lifetimeSeconds.x509),
    'authorities.jwt.lifetime': durationText(authorities.lifetimeSeconds.jwt),
    'authorities.propagation': durationText(authorities.propagationSeconds),
    'bundle.refresh_hint': durationText(authorities.refreshHintSeconds),
    'publish.address': publish.address,
    'web.address': web?.address ?? null,
    'web.port': web?.port ?? null,
    'web.name': web?.name ?? null,
    'web.certificate': web?.certificate ?? null,
    'web.key': web?.key ?? null,
    'oidc.issuer': oidc.issuer,
  };
  return CONFIG_KEYS.map((key) => ({ key, value: values[key], line: line(key) }));
}

/** The line that set each key; offsets are asked for in ascending order. */
function linesOf(reader: RuleReader, nodes: { readonly [key in ConfigKey]?: YamlNode | undefined }): (key: ConfigKey) => number | null {
  const lines = new Map<string, number>();
  const written = Object.entries(nodes).flatMap(([key, node]) => (node ? [{ key, at: node.at }] : []));
  for (const { key, at } of written.sort((a, b) => a.at - b.at)) lines.set(key, reader.lineOf(at));
  return (key) => lines.get(key) ?? null;
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
