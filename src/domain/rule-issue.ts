import { ANY_AUDIENCE } from './audience';
import { MAX_PARTNERS } from './federation';
import { durationSeconds } from './duration';
import { DEFAULT_JWT_TTL_SECONDS, DEFAULT_X509_TTL_SECONDS, MAX_JWT_TTL_SECONDS, MAX_X509_TTL_SECONDS, MIN_TTL_SECONDS } from './rule';
import type { Rule } from './rule';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';
import { isTrustDomain } from './spiffe-id';
import { parseTemplate } from './template';

export const MAX_HINT_LENGTH = 64;
export const MAX_AUDIENCES = 64;
/** Longest audience in UTF-16 units; audiences are printable ASCII without blanks, as URIs and names are. */
export const MAX_AUDIENCE_LENGTH = 1024;

/** What a rule gives: ID template, hint, lifetimes, audiences, and the foreign trust domains that its processes know. */
export function readIssue(reader: RuleReader, node: YamlNode | undefined): Rule['issue'] | undefined {
  const entries = reader.map(node, 'issue', ['id', 'hint', 'x509', 'jwt', 'federates_with'], ['id']);
  if (entries === undefined) return undefined;
  const x509 = reader.map(entries.x509, 'issue.x509', ['ttl']);
  const jwt = reader.map(entries.jwt, 'issue.jwt', ['ttl', 'audiences', 'rs256']);
  const id = readTemplate(reader, entries.id);
  const hint = reader.text(
    entries.hint,
    'issue.hint',
    /^[\x20-\x7e]{0,64}$/,
    `issue.hint has at most ${MAX_HINT_LENGTH} printable ASCII characters`,
  );
  const x509TtlSeconds = readTtl(reader, x509?.ttl, 'issue.x509.ttl', MAX_X509_TTL_SECONDS);
  const jwtTtlSeconds = readTtl(reader, jwt?.ttl, 'issue.jwt.ttl', MAX_JWT_TTL_SECONDS);
  const audiences = readAudiences(reader, jwt?.audiences, 'issue.jwt.audiences');
  const rs256 = readRs256(reader, jwt?.rs256, jwt?.audiences, audiences);
  const federatesWith = readTrustDomains(reader, entries.federates_with);
  if (id === undefined) return undefined;
  return {
    id,
    hint: hint ?? '',
    x509TtlSeconds: x509TtlSeconds ?? DEFAULT_X509_TTL_SECONDS,
    jwtTtlSeconds: jwtTtlSeconds ?? DEFAULT_JWT_TTL_SECONDS,
    audiences: audiences ?? [],
    ...(rs256 && { rs256 }),
    ...(federatesWith && { federatesWith }),
  };
}

function readTemplate(reader: RuleReader, node: YamlNode | undefined): string | undefined {
  const text = reader.anyText(node, 'issue.id');
  if (node === undefined || text === undefined) return undefined;
  const parsed = parseTemplate(text);
  return 'fault' in parsed ? reader.problem(node.at, 'issue.id', parsed.fault) : text;
}

function readTtl(reader: RuleReader, node: YamlNode | undefined, path: string, max: number): number | undefined {
  if (node === undefined) return undefined;
  const value = node.kind === 'scalar' && (typeof node.value === 'string' || typeof node.value === 'number') ? node.value : undefined;
  const seconds = value === undefined ? undefined : durationSeconds(value);
  if (seconds === undefined) return reader.problem(node.at, path, `${path} is a duration such as 20s, 15m, 1h, or a number of seconds`);
  if (seconds >= MIN_TTL_SECONDS && seconds <= max) return seconds;
  return reader.problem(
    node.at,
    path,
    seconds === 0
      ? `${path} is 0, so nothing could ever be issued; use disabled: true to switch a rule off`
      : `${path} is from ${MIN_TTL_SECONDS} to ${max} seconds`,
  );
}

function readAudiences(reader: RuleReader, node: YamlNode | undefined, path: string): readonly string[] | undefined {
  const read = reader
    .items(node, path, MAX_AUDIENCES)
    ?.map((item) =>
      reader.text(
        item,
        path,
        /^[\x21-\x7e]{1,1024}$/,
        `an audience has 1 to ${MAX_AUDIENCE_LENGTH} printable ASCII characters and no blank`,
      ),
    );
  if (node === undefined || read === undefined) return undefined;
  const audiences = [...new Set(read.filter((audience) => audience !== undefined))].sort();
  if (audiences.length > 1 && audiences.includes(ANY_AUDIENCE))
    return reader.problem(node.at, path, '"*" stands for every audience, so it stands alone');
  return audiences;
}

/** Some of the audiences that the rule lists, or `*` for all of them. */
function readRs256(
  reader: RuleReader,
  node: YamlNode | undefined,
  listed: YamlNode | undefined,
  audiences: readonly string[] | undefined,
): readonly string[] | undefined {
  const path = 'issue.jwt.rs256';
  const rs256 = readAudiences(reader, node, path);
  if (node === undefined || rs256 === undefined) return undefined;
  if (listed === undefined) return reader.problem(node.at, path, `${path} names some of issue.jwt.audiences, and there are none`);
  const known = [ANY_AUDIENCE, ...(audiences ?? rs256)];
  const foreign = audiences?.includes(ANY_AUDIENCE) ? undefined : rs256.find((audience) => !known.includes(audience));
  if (foreign !== undefined) return reader.problem(node.at, path, `${path} names ${foreign}, which issue.jwt.audiences does not list`);
  return rs256;
}

/** Names alone: whose bundle each of them has is known to the server. */
function readTrustDomains(reader: RuleReader, node: YamlNode | undefined): readonly string[] | undefined {
  const path = 'issue.federates_with';
  const read = reader.items(node, path, MAX_PARTNERS)?.map((item) => readTrustDomain(reader, item, path));
  return read === undefined ? undefined : [...new Set(read.filter((name) => name !== undefined))].sort();
}

function readTrustDomain(reader: RuleReader, node: YamlNode, path: string): string | undefined {
  const name = reader.anyText(node, path);
  if (name === undefined || isTrustDomain(name)) return name;
  return reader.problem(node.at, path, `${path} names trust domains, such as partner.example, without spiffe://`);
}
