import { isIP } from 'node:net';
import { ISSUER } from './oidc';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';

/** What an administrator decides about publication: who can reach it, and under which names. */
export interface PublicationConfig {
  readonly publish: {
    /** Where the `https_spiffe` endpoint listens; its port is that of the installation. */
    readonly address: string;
  };
  /** The `https_web` endpoint; null where there is none. */
  readonly web: WebConfig | null;
  readonly oidc: {
    /** The issuer that JWT-SVIDs name, byte for byte; null where they are no ID tokens. */
    readonly issuer: string | null;
  };
}

export interface WebConfig {
  readonly address: string;
  readonly port: number;
  /** The DNS name or IP address by which others reach it; its certificate has to carry it. */
  readonly name: string;
  /** PEM files; the certificate with what is between it and a root. */
  readonly certificate: string;
  readonly key: string;
}

export const LOOPBACK = '127.0.0.1';

export const DEFAULT_PUBLICATION: PublicationConfig = Object.freeze({
  publish: Object.freeze({ address: LOOPBACK }),
  web: null,
  oidc: Object.freeze({ issuer: null }),
});

const WEB_KEYS = ['address', 'port', 'name', 'certificate', 'key'] as const;
/** Without these there is nothing to serve, or nobody who could check it. */
const WEB_NEEDED = ['port', 'name', 'certificate', 'key'] as const;

/** Keys of mandate.yaml that this page reads. */
export const PUBLICATION_KEYS = ['publish.address', ...WEB_KEYS.map((key) => `web.${key}` as const), 'oidc.issuer'] as const;
export type PublicationKey = (typeof PUBLICATION_KEYS)[number];

const ANY_TEXT = /^/;
const PATH = /^\/[^\0]{1,4095}$/;
const NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

interface Groups {
  readonly publish?: YamlNode;
  readonly web?: YamlNode;
  readonly oidc?: YamlNode;
}

/** Reads the groups `publish`, `web` and `oidc`, and says where each value stands; what is wrong is noted by `reader`. */
export function readPublication(
  reader: RuleReader,
  groups: Groups,
): { readonly publication: PublicationConfig; readonly nodes: { readonly [key in PublicationKey]?: YamlNode } } {
  const publish = reader.map(groups.publish, 'publish', ['address']);
  const web = reader.map(groups.web, 'web', WEB_KEYS, WEB_NEEDED);
  const oidc = reader.map(groups.oidc, 'oidc', ['issuer'], ['issuer']);
  const address = addressAt(reader, publish?.address, 'publish.address') ?? LOOPBACK;
  const issuer = reader.text(
    oidc?.issuer,
    'oidc.issuer',
    ISSUER,
    'oidc.issuer is a URL such as https://id.example.org or https://example.org/id',
  );
  return {
    publication: Object.freeze({
      publish: Object.freeze({ address }),
      web: web === undefined ? null : readWeb(reader, web),
      oidc: Object.freeze({ issuer: issuer ?? null }),
    }),
    nodes: {
      ...named('publish', publish),
      ...named('web', web),
      ...named('oidc', oidc),
    },
  };
}

function readWeb(reader: RuleReader, nodes: { readonly [key in (typeof WEB_KEYS)[number]]?: YamlNode }): WebConfig {
  const file = (key: 'certificate' | 'key') => reader.text(nodes[key], `web.${key}`, PATH, `web.${key} is an absolute path`) ?? '';
  const name = reader.text(nodes.name, 'web.name', ANY_TEXT, '') ?? '';
  if (name !== '' && !NAME.test(name) && isIP(name) === 0)
    reader.problem(nodes.name?.at ?? 0, 'web.name', 'web.name is a DNS name in lower case or an IP address');
  return Object.freeze({
    address: addressAt(reader, nodes.address, 'web.address') ?? LOOPBACK,
    port: reader.integer(nodes.port, 'web.port', 1, 65_535) ?? 0,
    name,
    certificate: file('certificate'),
    key: file('key'),
  });
}

function addressAt(reader: RuleReader, node: YamlNode | undefined, path: string): string | undefined {
  const address = reader.anyText(node, path);
  if (address === undefined || isIP(address) !== 0) return address;
  return reader.problem(node?.at ?? 0, path, `${path} is an IP address; 0.0.0.0 or "::" is every one of the machine`);
}

const named = (group: string, nodes: { readonly [key: string]: YamlNode | undefined } | undefined): { readonly [key: string]: YamlNode } =>
  Object.fromEntries(Object.entries(nodes ?? {}).flatMap(([key, node]) => (node ? [[`${group}.${key}`, node]] : [])));
