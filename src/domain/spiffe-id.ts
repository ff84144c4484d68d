import { MandateError } from './errors';
import { newSuffix } from './ids';
import type { Random } from './ports';
import { terminalText } from './terminal-text';

/** Longest SPIFFE ID in bytes, scheme included (SPIFFE-ID §2.3). */
export const MAX_SPIFFE_ID_BYTES = 2048;
/** Longest trust domain name in bytes (SPIFFE-ID §2.3). */
export const MAX_TRUST_DOMAIN_BYTES = 255;

/** One valid SPIFFE ID. There is no half-valid state: it exists only as the result of a function of this file. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Empty for the ID of a trust domain itself, else `/` and segments. */
  readonly path: string;
  toString(): string;
}

const SCHEME = 'spiffe://';

/**
 * The SPIFFE ID that `text` spells exactly (SPIFFE-ID §2): no normalisation, upper case in scheme or trust domain is refused.
 * Bytes are scanned by hand because URL parsers fold `a/../b`, strip blanks and lower-case the scheme. Throws E_REQUEST.
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > MAX_SPIFFE_ID_BYTES) throw refused(text, `a SPIFFE ID has at most ${MAX_SPIFFE_ID_BYTES} bytes`);
  if (!text.startsWith(SCHEME)) throw refused(text, 'a SPIFFE ID starts with spiffe://');
  const slash = text.indexOf('/', SCHEME.length);
  const end = slash === -1 ? text.length : slash;
  const trustDomain = text.slice(SCHEME.length, end);
  const path = text.slice(end);
  const fault = trustDomainFault(trustDomain) ?? pathFault(path);
  if (fault !== undefined) throw refused(text, fault);
  return new Parsed(trustDomain, path);
}

/** The SPIFFE ID of a path below a trust domain; an empty path gives the ID of the trust domain itself. Throws E_REQUEST. */
export function spiffeIdFromPath(trustDomain: string, path: string): SpiffeId {
  const fault =
    trustDomainFault(trustDomain) ??
    (SCHEME.length + trustDomain.length + path.length > MAX_SPIFFE_ID_BYTES
      ? `a SPIFFE ID has at most ${MAX_SPIFFE_ID_BYTES} bytes`
      : pathFault(path));
  if (fault !== undefined) throw refused(path, fault);
  return new Parsed(trustDomain, path);
}

/** The trust domain name that `text` spells, bare or as `spiffe://name` (SPIFFE-ID §2.1). Throws E_REQUEST. */
export function parseTrustDomain(text: string): string {
  const name = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  const fault = trustDomainFault(name);
  if (fault !== undefined) throw refused(text, fault);
  return name;
}

/** True for the bare name of a trust domain. */
export const isTrustDomain = (text: string): boolean => trustDomainFault(text) === undefined;

/**
 * The trust domain name that `text` spells, if a new installation may take it. Beyond the grammar it has no empty label: Go and
 * Java refuse certificates whose URI host has a leading, trailing or doubled dot. Throws E_REQUEST.
 */
export function parseOwnTrustDomain(text: string): string {
  const name = parseTrustDomain(text);
  if (name.split('.').includes('')) {
    throw refused(text, 'a new trust domain has no empty label: several X.509 libraries refuse certificates that name one');
  }
  return name;
}

/** Longest part of a generated name that comes from the host name. */
const MAX_HOST_PART = 40;

/**
 * A trust domain for a new installation: `<host>-<8 random>.mandate.internal`. The first label of the host name is lower-cased, what
 * is not a letter, digit or dash becomes a dash, and it is cut at 40 characters. 40 random bits keep two laptops of one name apart.
 */
export function newTrustDomain(hostname: string, random: Random): string {
  const label = hostname.slice(0, MAX_TRUST_DOMAIN_BYTES).split('.', 1)[0] as string;
  const host = label
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_HOST_PART)
    .replace(/-+$/, '');
  return parseOwnTrustDomain(`${host || 'host'}-${newSuffix(random, 8)}.mandate.internal`);
}

/** True for one path segment: `A-Z a-z 0-9 . - _`, not empty, neither `.` nor `..` (SPIFFE-ID §2.2). */
export const isPathSegment = (text: string): boolean => segmentFault(text, 0, text.length) === undefined;

/** Why `path` is not a valid SPIFFE ID path, or undefined. The empty path is valid. */
export function pathFault(path: string): string | undefined {
  if (path === '') return undefined;
  if (path.charCodeAt(0) !== SLASH) return 'a path starts with /';
  let start = 1;
  for (;;) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const fault = segmentFault(path, start, end);
    if (fault !== undefined || slash === -1) return fault;
    start = end + 1;
  }
}

const SLASH = 0x2f;
const DOT = 0x2e;

class Parsed implements SpiffeId {
  constructor(
    readonly trustDomain: string,
    readonly path: string,
  ) {
    Object.freeze(this);
  }

  toString(): string {
    return `${SCHEME}${this.trustDomain}${this.path}`;
  }
}

function trustDomainFault(name: string): string | undefined {
  if (name.length === 0) return 'the trust domain is empty';
  if (name.length > MAX_TRUST_DOMAIN_BYTES) return `a trust domain has at most ${MAX_TRUST_DOMAIN_BYTES} bytes`;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (!isLower(c) && !isDigit(c) && !isMark(c)) return 'a trust domain holds only a-z 0-9 . - _';
  }
  return undefined;
}

function segmentFault(path: string, start: number, end: number): string | undefined {
  if (start === end) return 'a path has no empty segment and no slash at its end';
  for (let i = start; i < end; i++) {
    const c = path.charCodeAt(i);
    if (!isLower(c) && !isUpper(c) && !isDigit(c) && !isMark(c)) return 'a path segment holds only A-Z a-z 0-9 . - _';
  }
  const dots = end - start <= 2 && path.charCodeAt(start) === DOT && path.charCodeAt(end - 1) === DOT;
  return dots ? 'a path has no segment . or ..' : undefined;
}

const isLower = (c: number): boolean => c >= 0x61 && c <= 0x7a;
const isUpper = (c: number): boolean => c >= 0x41 && c <= 0x5a;
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const isMark = (c: number): boolean => c === DOT || c === 0x2d || c === 0x5f;

const refused = (text: string, why: string): MandateError => new MandateError('E_REQUEST', { saw: terminalText(text, 120), why });
