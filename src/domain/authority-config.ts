import { longDurationSeconds } from './duration';
import { MandateError } from './errors';
import type { Rule } from './rule';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';

/** How long authorities live and how their bundle is published, as mandate.yaml says; seconds. */
export interface AuthorityConfig {
  /** By what they sign: JWT authorities live equally long, whatever their algorithm. */
  readonly lifetimeSeconds: Readonly<Record<'x509' | 'jwt', number>>;
  /** A successor signs nothing until it has been in the bundle for this long. */
  readonly propagationSeconds: number;
  /** How often verifiers are told to read the bundle again. */
  readonly refreshHintSeconds: number;
}

const DAY = 24 * 3600;

export const DEFAULT_AUTHORITY_CONFIG: AuthorityConfig = Object.freeze({
  lifetimeSeconds: Object.freeze({ x509: 14 * DAY, jwt: 14 * DAY }),
  propagationSeconds: 300,
  refreshHintSeconds: 60,
});

/** Its keys in mandate.yaml with their bounds in seconds. */
export const AUTHORITY_KEYS = {
  'authorities.x509.lifetime': { min: 30, max: 365 * DAY },
  'authorities.jwt.lifetime': { min: 30, max: 365 * DAY },
  'authorities.propagation': { min: 1, max: DAY },
  'bundle.refresh_hint': { min: 1, max: 3600 },
} as const;
export type AuthorityKey = keyof typeof AUTHORITY_KEYS;

/** One value in force and where it stands; undefined for a default. */
export interface ReadSeconds {
  readonly key: AuthorityKey;
  readonly seconds: number;
  readonly node: YamlNode | undefined;
}

/** The sections `authorities` and `bundle`; what is wrong with them has been noted and reads as the default. */
export function readAuthorityConfig(
  reader: RuleReader,
  authorities: YamlNode | undefined,
  bundle: YamlNode | undefined,
): { readonly config: AuthorityConfig; readonly read: readonly ReadSeconds[] } {
  const section = reader.map(authorities, 'authorities', ['x509', 'jwt', 'propagation']);
  const lifetimeOf = (kind: 'x509' | 'jwt') => reader.map(section?.[kind], `authorities.${kind}`, ['lifetime'])?.lifetime;
  const defaults = DEFAULT_AUTHORITY_CONFIG;
  const value = (key: AuthorityKey, node: YamlNode | undefined, fallback: number): ReadSeconds => ({
    key,
    seconds: boundedSeconds(reader, key, node) ?? fallback,
    node,
  });
  const x509 = value('authorities.x509.lifetime', lifetimeOf('x509'), defaults.lifetimeSeconds.x509);
  const jwt = value('authorities.jwt.lifetime', lifetimeOf('jwt'), defaults.lifetimeSeconds.jwt);
  const propagation = value('authorities.propagation', section?.propagation, defaults.propagationSeconds);
  const hintNode = reader.map(bundle, 'bundle', ['refresh_hint'])?.refresh_hint;
  const hint = value('bundle.refresh_hint', hintNode, defaults.refreshHintSeconds);
  const config = Object.freeze({
    lifetimeSeconds: Object.freeze({ x509: x509.seconds, jwt: jwt.seconds }),
    propagationSeconds: propagation.seconds,
    refreshHintSeconds: hint.seconds,
  });
  return { config, read: [x509, jwt, propagation, hint] };
}

function boundedSeconds(reader: RuleReader, key: AuthorityKey, node: YamlNode | undefined): number | undefined {
  if (node === undefined) return undefined;
  const value = node.kind === 'scalar' && (typeof node.value === 'string' || typeof node.value === 'number') ? node.value : undefined;
  const seconds = value === undefined ? undefined : longDurationSeconds(value);
  const { min, max } = AUTHORITY_KEYS[key];
  if (seconds !== undefined && seconds >= min && seconds <= max) return seconds;
  return reader.problem(node.at, key, `${key} is a duration from ${durationText(min)} to ${durationText(max)}, such as 30s, 15m, 12h, 14d`);
}

/** As the file writes it, in the largest unit that fits: `14d`, `5m`, `90s`. */
export function durationText(seconds: number): string {
  const [size, unit] = (
    [
      [DAY, 'd'],
      [3600, 'h'],
      [60, 'm'],
    ] as const
  ).find(([one]) => seconds % one === 0) ?? [1, 's'];
  return `${seconds / size}${unit}`;
}

/** An authority lives this many times as long as the longest-lived of what it signs: enough to hand over without cutting any of it short. */
export const LIVES_AT_LEAST = 6;

/** Longest lifetime that SVIDs may have under authorities of this configuration, in seconds. */
export const longestSvidSeconds = ({ lifetimeSeconds }: AuthorityConfig, kind: 'x509' | 'jwt'): number =>
  Math.floor(lifetimeSeconds[kind] / LIVES_AT_LEAST);

/** Throws E_AUTHORITY_LIFETIME where a rule gives SVIDs that live longer than a sixth of the authority that would sign them. */
export function assertAuthoritiesOutlive(rules: readonly Rule[], config: AuthorityConfig): void {
  for (const { name, disabled, issue } of rules) {
    if (disabled) continue;
    const given = { x509: issue.x509TtlSeconds, jwt: issue.audiences.length > 0 ? issue.jwtTtlSeconds : 0 };
    for (const kind of ['x509', 'jwt'] as const) {
      const most = longestSvidSeconds(config, kind);
      if (given[kind] <= most) continue;
      throw new MandateError('E_AUTHORITY_LIFETIME', {
        saw: `rule ${name} gives ${kind === 'x509' ? 'X509' : 'JWT'}-SVIDs for ${durationText(given[kind])}`,
        why: `its authorities live for ${durationText(config.lifetimeSeconds[kind])}, which allows ${durationText(most)}`,
        fix: `shorten issue.${kind}.ttl of the rule, or raise authorities.${kind}.lifetime to ${durationText(LIVES_AT_LEAST * given[kind])}`,
      });
    }
  }
}
