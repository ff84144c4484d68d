import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parseCertificate, uriNamesOf } from '../domain/certificate';
import { DerReader, TAG } from '../domain/der';
import { MandateError } from '../domain/errors';
import { pem } from '../domain/pem';
import { parseSpiffeId, parseTrustDomain } from '../domain/spiffe-id';
import type { JWTBundlesResponse, X509BundlesResponse, X509SVID, X509SVIDResponse } from '../generated/proto/spiffe/workloadapi_pb';
import { isObject, parseStrictJson } from '../verify/strict-json';
import { parseBundle, type TrustBundle } from '../verify/trust-bundle';
import type { X509Identity } from './sources';

/** Bounds that other SPIFFE clients keep too. */
const MAX_SVIDS = 100;
const MAX_BUNDLES = 200;
const MAX_CERTIFICATES = 16;

export type Bundles = ReadonlyMap<string, TrustBundle>;

export interface X509State {
  /** Default first. */
  readonly identities: readonly X509Identity[];
  readonly bundles: Bundles;
}

/** The state that a FetchX509SVID message is; nothing of the one before lives on in it. Throws where a mandatory part is missing or damaged. */
export function x509StateOf(message: X509SVIDResponse): X509State {
  if (message.svids.length === 0) throw damaged('no SVID');
  if (message.svids.length > MAX_SVIDS) throw damaged(`more than ${MAX_SVIDS} SVIDs`);
  const hints = new Set<string>();
  const svids = message.svids.filter(({ hint }) => {
    // Of two entries with one hint the first is meant (Workload API §5.2.1).
    const taken = hint !== '' && hints.has(hint);
    hints.add(hint);
    return !taken;
  });
  const bundles = new Map(rootsByTrustDomain(message.federatedBundles));
  // After the federated ones: nobody else speaks for our own trust domain.
  for (const { spiffeId, bundle } of svids) {
    const { trustDomain } = parseSpiffeId(spiffeId);
    bundles.set(trustDomain, rootsOf(trustDomain, bundle));
  }
  return { identities: svids.map(identityOf), bundles };
}

/** Bundles of a FetchX509Bundles message. */
export const x509BundlesOf = (message: X509BundlesResponse): Bundles => rootsByTrustDomain(message.bundles);

/** Bundles of a FetchJWTBundles message. */
export function jwtBundlesOf(message: JWTBundlesResponse): Bundles {
  return byTrustDomain(message.bundles, (trustDomain, bytes) => ({ ...parseBundle(withUse(bytes), trustDomain), roots: [] }));
}

const rootsByTrustDomain = (bundles: Readonly<Record<string, Uint8Array>>): Bundles => byTrustDomain(bundles, rootsOf);

function byTrustDomain(
  bundles: Readonly<Record<string, Uint8Array>>,
  read: (trustDomain: string, bytes: Uint8Array) => TrustBundle,
): Bundles {
  const entries = Object.entries(bundles);
  if (entries.length > MAX_BUNDLES) throw damaged(`more than ${MAX_BUNDLES} bundles`);
  return new Map(
    entries.map(([key, bytes]) => {
      const trustDomain = parseTrustDomain(key);
      return [trustDomain, read(trustDomain, bytes)];
    }),
  );
}

/** An empty bundle never takes the place of a good one: on this stream every trust domain has roots, or is left out. */
function rootsOf(trustDomain: string, der: Uint8Array): TrustBundle {
  const certificates = split(der, 256);
  if (certificates.length === 0) throw damaged('an empty bundle');
  const bundle = parseBundle(Buffer.from(certificates.map((one) => pem('CERTIFICATE', one)).join('')), trustDomain);
  if (bundle.roots.length === 0) throw damaged('a bundle without authorities');
  return bundle;
}

function identityOf({ spiffeId, x509Svid, x509SvidKey, hint }: X509SVID): X509Identity {
  const chain = split(x509Svid, MAX_CERTIFICATES);
  const [leaf] = chain;
  if (!leaf || x509SvidKey.length === 0) throw damaged('an SVID without certificate or key');
  const parsed = parseCertificate(leaf);
  const [name, ...more] = uriNamesOf(parsed);
  if (name !== spiffeId || more.length > 0) throw damaged('an SVID whose certificate names another SPIFFE ID');
  const key = createPrivateKey({ key: Buffer.from(x509SvidKey), format: 'der', type: 'pkcs8' });
  if (!new X509Certificate(leaf).checkPrivateKey(key)) throw damaged('a key that is not that of the certificate');
  return { spiffeId, chain, key, hint, notAfterMs: parsed.notAfterMs };
}

function split(concatenated: Uint8Array, limit: number): readonly Buffer[] {
  const reader = new DerReader(Buffer.from(concatenated));
  const ders: Buffer[] = [];
  while (!reader.done) {
    if (ders.length === limit) throw damaged(`more than ${limit} certificates`);
    ders.push(reader.element(TAG.sequence));
  }
  return ders;
}

/** Some issuers leave `use` out of this JWK Set, which holds JWT keys and nothing else. */
function withUse(bytes: Uint8Array): Buffer {
  const document = parseStrictJson(Buffer.from(bytes).toString('utf8'));
  const keys: unknown = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(keys)) throw damaged('a JWT bundle without keys');
  return Buffer.from(JSON.stringify({ keys: keys.map((key: unknown) => (isObject(key) ? { use: 'jwt-svid', ...key } : key)) }));
}

const damaged = (saw: string): MandateError => new MandateError('E_NOT_VERIFIED', { saw: `${saw} from the Workload API` });
