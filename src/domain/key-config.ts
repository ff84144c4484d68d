import { KEY_HOMES, type WantedKeyHome } from './key-seal';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';
import { ADDRESS_FORMS, signerAddress } from './signer-address';

/** Where authority keys are, as mandate.yaml says. */
export interface KeyConfig {
  /** A start that finds them elsewhere is refused. */
  readonly home: WantedKeyHome;
  /** The signer; null where the keys are on this machine. */
  readonly remote: RemoteSignerConfig | null;
}

/** How the server reaches the signer, and what it shows it. Files are named, never given: a configuration holds no secret. */
export interface RemoteSignerConfig {
  readonly address: string;
  /** Holds a bearer token. */
  readonly tokenFile: string | null;
  /** PEM of the authorities that the signer's certificate is checked by; null for those of the web. */
  readonly ca: string | null;
  /** PEM of a client certificate and its key. */
  readonly certificate: string | null;
  readonly key: string | null;
}

export const DEFAULT_KEY_CONFIG: KeyConfig = Object.freeze({ home: 'found', remote: null });

const REMOTE_KEYS = ['address', 'token_file', 'ca', 'certificate', 'key'] as const;

/** Its keys in mandate.yaml. */
export const KEY_CONFIG_KEYS = ['keys.home', ...REMOTE_KEYS.map((key) => `keys.remote.${key}` as const)] as const;
export type KeyConfigKey = (typeof KEY_CONFIG_KEYS)[number];

const PATH = /^\/[^\0]{1,4095}$/;

/** The section `keys`, and where each value of it stands; what is wrong with it has been noted. */
export function readKeyConfig(
  reader: RuleReader,
  section: YamlNode | undefined,
): { readonly config: KeyConfig; readonly nodes: { readonly [key in KeyConfigKey]?: YamlNode | undefined } } {
  const keys = reader.map(section, 'keys', ['home', 'remote']);
  const home = reader.word(keys?.home, 'keys.home', KEY_HOMES) ?? DEFAULT_KEY_CONFIG.home;
  const nodes = reader.map(keys?.remote, 'keys.remote', REMOTE_KEYS, ['address']);
  if ((home === 'remote') !== (keys?.remote !== undefined)) {
    const at = (keys?.remote ?? keys?.home)?.at ?? 0;
    reader.problem(at, 'keys.remote', 'keys.home: remote and keys.remote go together');
  }
  return {
    config: Object.freeze({ home, remote: nodes === undefined ? null : readRemote(reader, nodes) }),
    nodes: { 'keys.home': keys?.home, ...Object.fromEntries(REMOTE_KEYS.map((key) => [`keys.remote.${key}`, nodes?.[key]])) },
  };
}

function readRemote(reader: RuleReader, nodes: { readonly [key in (typeof REMOTE_KEYS)[number]]?: YamlNode }): RemoteSignerConfig {
  const file = (key: Exclude<(typeof REMOTE_KEYS)[number], 'address'>): string | null =>
    reader.text(nodes[key], `keys.remote.${key}`, PATH, `keys.remote.${key} is an absolute path`) ?? null;
  const problem = (key: (typeof REMOTE_KEYS)[number], why: string) => reader.problem(nodes[key]?.at ?? 0, `keys.remote.${key}`, why);
  const address = reader.anyText(nodes.address, 'keys.remote.address') ?? '';
  const found = signerAddress(address);
  const config = { address, tokenFile: file('token_file'), ca: file('ca'), certificate: file('certificate'), key: file('key') };
  if (address !== '' && found === undefined) problem('address', `keys.remote.address is ${ADDRESS_FORMS}`);
  if ((config.certificate === null) !== (config.key === null))
    problem('address', 'keys.remote.certificate and keys.remote.key go together');
  if (found !== undefined && found.over !== 'https' && (config.ca ?? config.certificate) !== null)
    problem('address', 'certificates are for an https address');
  // Over a socket its modes can say who may ask.
  if (found !== undefined && found.over !== 'socket' && (config.tokenFile ?? config.certificate) === null)
    problem('address', 'a signer that others can reach too needs keys.remote.token_file, or certificate and key');
  return Object.freeze(config);
}
