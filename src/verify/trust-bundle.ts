import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import { basicConstraintsOf, parseCertificate, uriNamesOf } from '../domain/certificate';
import { DerError } from '../domain/der';
import { MandateError } from '../domain/errors';
import { parseSpiffeId } from '../domain/spiffe-id';
import { readPemCertificates } from './pem-certificates';
import { canonicalBase64url, isObject, parseStrictJson } from './strict-json';

/** Upper bound of a bundle, checked before it is parsed. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;
const MAX_KEYS = 256;

/** What SVIDs of one trust domain are verified against. X.509 roots never verify a token, nor JWT keys a certificate. */
export interface TrustBundle {
  /** Undefined where the document does not say and nobody else did: then nothing verifies against it. */
  readonly trustDomain: string | undefined;
  readonly roots: readonly Certificate[];
  readonly jwtKeys: readonly { readonly kid: string; readonly key: KeyObject }[];
  /** Entries left out and why, as the standard asks for them to be ignored. */
  readonly ignored: readonly string[];
}

/**
 * Reads a bundle from a SPIFFE bundle document, a JWK Set or PEM, of at most 1 MiB. None of them names its trust domain: it is the one
 * given, or else the one that every root bears as its SPIFFE ID. Throws E_NOT_VERIFIED where the document is none of the three.
 */
export function parseBundle(bytes: Buffer, trustDomain?: string): TrustBundle {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');
  const text = bytes.toString('utf8');
  const read = text.trimStart().startsWith('{') ? readDocument(text) : readPem(text);
  return { ...read, trustDomain: trustDomain ?? commonTrustDomain(read.roots) };
}

type Keys = Omit<TrustBundle, 'trustDomain'>;

function readPem(text: string): Keys {
  const certificates = readPemCertificates(text, MAX_KEYS);
  if (!certificates) throw unusable('it is neither PEM nor a JSON object');
  const roots: Certificate[] = [];
  const ignored: string[] = [];
  certificates.forEach((der, i) => {
    const root = readRoot(der);
    if (typeof root === 'string') ignored.push(`certificate ${i + 1}: ${root}`);
    else roots.push(root);
  });
  return { roots, jwtKeys: [], ignored };
}

function readDocument(text: string): Keys {
  let document: unknown;
  try {
    document = parseStrictJson(text);
  } catch (error) {
    throw unusable('it is not strict JSON', error);
  }
  const entries = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(entries)) throw unusable('it has no array of keys');
  if (entries.length > MAX_KEYS) throw unusable(`it has more than ${MAX_KEYS} keys`);
  return readEntries(entries as readonly unknown[]);
}

function readEntries(entries: readonly unknown[]): Keys {
  const roots: Certificate[] = [];
  const jwtKeys: { kid: string; key: KeyObject }[] = [];
  const ignored: string[] = [];
  const kids = new Map<string, number>();
  entries.forEach((entry, i) => {
    const read = readEntry(entry);
    if (typeof read === 'string') ignored.push(`key ${i + 1}: ${read}`);
    else if ('kid' in read) {
      kids.set(read.kid, (kids.get(read.kid) ?? 0) + 1);
      jwtKeys.push(read);
    } else roots.push(read);
  });
  // Of two keys under one name neither is the right one.
  for (const count of kids.values()) if (count > 1) ignored.push(`${count} keys share one kid`);
  return { roots, jwtKeys: jwtKeys.filter(({ kid }) => kids.get(kid) === 1), ignored };
}

/** One entry, or why it is ignored (Trust Domain and Bundle §4.2). */
function readEntry(entry: unknown): Certificate | { kid: string; key: KeyObject } | string {
  if (!isObject(entry)) return 'not an object';
  if (entry['use'] === 'x509-svid') {
    const [first] = Array.isArray(entry['x5c']) ? (entry['x5c'] as readonly unknown[]) : [];
    if (typeof first !== 'string') return 'no certificate';
    const der = Buffer.from(first, 'base64');
    return der.toString('base64') === first ? readRoot(der) : 'a certificate that is not base64';
  }
  if (entry['use'] !== 'jwt-svid') return 'another use';
  const { kid } = entry;
  if (typeof kid !== 'string' || kid === '') return 'no kid';
  const key = publicKeyOf(entry);
  return key ? { kid, key } : 'not a usable public key';
}

function publicKeyOf(entry: Readonly<Record<string, unknown>>): KeyObject | undefined {
  const { kty, crv, x, y, n, e } = entry;
  const members = kty === 'EC' ? { kty, crv, x, y } : kty === 'RSA' ? { kty, n, e } : undefined;
  if (!members) return undefined;
  const texts = Object.entries(members).filter(([name]) => name !== 'kty' && name !== 'crv');
  if (!texts.every(([, text]) => typeof text === 'string' && canonicalBase64url(text))) return undefined;
  try {
    return createPublicKey({ key: members as never, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function readRoot(der: Buffer): Certificate | string {
  try {
    const certificate = parseCertificate(der);
    return basicConstraintsOf(certificate)?.ca ? certificate : 'not an authority';
  } catch (error) {
    if (error instanceof DerError) return `not a certificate: ${error.message}`;
    throw error;
  }
}

function commonTrustDomain(roots: readonly Certificate[]): string | undefined {
  const domains = new Set(roots.map(trustDomainOf));
  const [only] = domains;
  return domains.size === 1 ? only : undefined;
}

/** The trust domain that a root names as its SPIFFE ID, or undefined. Throws nothing. */
function trustDomainOf(root: Certificate): string | undefined {
  try {
    const uris = uriNamesOf(root);
    const id = uris.length === 1 ? parseSpiffeId(uris[0] as string) : undefined;
    return id?.path === '' ? id.trustDomain : undefined;
  } catch {
    return undefined;
  }
}

const unusable = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_NOT_VERIFIED', { saw: 'a trust bundle that cannot be used', why }, { cause });
