import type { KeyObject } from 'node:crypto';
import { parseCertificate } from '../domain/certificate';
import { DerError } from '../domain/der';
import type { Authority } from './authority';
import { authorityOf } from './authority';
import { isKnownKeyType, publicKeyOf, showsSecret } from './jwk';
import { isObject } from './strict-json';

/** A key that JWT-SVIDs are verified with. */
export interface JwtKey {
  readonly kid: string;
  readonly key: KeyObject;
}

/** What the entries of a bundle come to. X.509 roots never verify a token, nor JWT keys a certificate. */
export interface BundleKeys {
  readonly roots: readonly Authority[];
  readonly jwtKeys: readonly JwtKey[];
  /** Entries left out and why, as the standard asks for them to be ignored. */
  readonly ignored: readonly string[];
}

/** Reads the entries of a JWK Set (Trust Domain and Bundle §4.2); one that cannot be used is left out and reported. */
export function readEntries(entries: readonly unknown[]): BundleKeys {
  const roots: Authority[] = [];
  const jwtKeys: JwtKey[] = [];
  const ignored: string[] = [];
  entries.forEach((entry, i) => {
    const read = readEntry(entry);
    if (typeof read === 'string') ignored.push(`key ${i + 1}: ${read}`);
    else if ('kid' in read) jwtKeys.push(read);
    else roots.push(read);
  });
  // Of two keys under one name neither is the right one.
  const shared = sharedKids(entries);
  for (const count of shared.values()) ignored.push(`${count} keys share one kid`);
  return { roots, jwtKeys: jwtKeys.filter(({ kid }) => !shared.has(kid)), ignored };
}

/** Certificates as they stand alone, in PEM or on the Workload API. */
export function readRoots(ders: readonly Buffer[]): BundleKeys {
  const read = ders.map(readRoot);
  return {
    roots: read.filter((one) => typeof one !== 'string'),
    jwtKeys: [],
    ignored: read.flatMap((one, i) => (typeof one === 'string' ? [`certificate ${i + 1}: ${one}`] : [])),
  };
}

/** One entry, or why it is ignored. `kid` and the rest of an X.509 entry are not looked at: the certificate says it all. */
function readEntry(entry: unknown): Authority | JwtKey | string {
  if (!isObject(entry)) return 'not an object';
  const { kty, use, kid, x5c } = entry;
  if (use !== 'x509-svid' && use !== 'jwt-svid') return 'another use';
  if (!isKnownKeyType(kty)) return 'a kty that is not known';
  if (showsSecret(entry)) return 'a key whose secret is published';
  if (use === 'x509-svid') return readX5c(x5c);
  if (typeof kid !== 'string' || kid === '') return 'no kid';
  const key = publicKeyOf(entry);
  return key ? { kid, key } : 'not a usable public key';
}

/** Of several certificates only the first counts. */
function readX5c(x5c: unknown): Authority | string {
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  if (typeof first !== 'string') return 'no certificate';
  const der = Buffer.from(first, 'base64');
  return der.toString('base64') === first ? readRoot(der) : 'a certificate that is not base64';
}

function readRoot(der: Buffer): Authority | string {
  try {
    const read = authorityOf(parseCertificate(der));
    return typeof read === 'string' ? `a certificate that ${read}` : read;
  } catch (error) {
    if (error instanceof DerError) return `not a certificate: ${error.message}`;
    throw error;
  }
}

/** Names that more than one key of a token bears, with how many do; those of WIT-SVIDs, which are not used here, are in the same space. */
function sharedKids(entries: readonly unknown[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    if (!isObject(entry)) continue;
    const { kty, use, kid } = entry;
    if ((use === 'jwt-svid' || use === 'wit-svid') && isKnownKeyType(kty) && typeof kid === 'string')
      counts.set(kid, (counts.get(kid) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count > 1));
}
