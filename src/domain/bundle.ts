import { parseCertificate } from './certificate';
import { jwkMembers, type JwtPublicKey } from './jwt-key';
import { p256Coordinates, p256PointOf } from './p256';
import { pem } from './pem';

/** What verifiers of one trust domain need: the roots and JWT keys in force, in the order in which they are published. */
export interface Bundle {
  readonly trustDomain: string;
  /** Grows with every change and is kept across restarts. */
  readonly sequence: number;
  readonly refreshHintSeconds: number;
  /** DER of each root. */
  readonly x509: readonly Buffer[];
  readonly jwt: readonly JwtBundleKey[];
}

export type JwtBundleKey = { readonly kid: string } & JwtPublicKey;

/** Where the bundle endpoint serves the bundle. */
export const BUNDLE_PATH = '/bundle';

/** The URL by which this machine reaches the endpoint that listens on `address`. */
export function bundleUrl(httpsPort: number, address: string): string {
  const here = /^(127\.0\.0\.1|0\.0\.0\.0|::1?)$/.test(address);
  const host = here ? 'localhost' : address.includes(':') ? `[${address}]` : address;
  return `https://${host}:${httpsPort}${BUNDLE_PATH}`;
}

/** The URL of the `https_web` endpoint, by the name others reach it under. */
export const webBundleUrl = ({ name, port }: { readonly name: string; readonly port: number }): string =>
  `https://${name.includes(':') ? `[${name}]` : name}${port === 443 ? '' : `:${port}`}${BUNDLE_PATH}`;

/** The SPIFFE bundle document (Trust Domain and Bundle §4): equal bundles give equal text. */
export const spiffeBundleJson = (bundle: Bundle): string =>
  JSON.stringify({
    keys: [...bundle.x509.map(x509Jwk), ...bundle.jwt.map(jwtJwk)],
    spiffe_sequence: bundle.sequence,
    spiffe_refresh_hint: bundle.refreshHintSeconds,
  });

/** The plain JWK Set of JWT keys that FetchJWTBundles carries. */
export const jwkSetJson = (bundle: Bundle): string => JSON.stringify({ keys: bundle.jwt.map(jwtJwk) });

/** Roots in DER, one after the other, as the Workload API carries them. */
export const bundleDer = (bundle: Bundle): Buffer => Buffer.concat(bundle.x509);

/** Roots in PEM, for openssl and curl. */
export const bundlePem = (bundle: Bundle): string => bundle.x509.map((der) => pem('CERTIFICATE', der)).join('');

/** Key members repeat the certificate's key: go-jose refuses an entry where they differ. */
function x509Jwk(der: Buffer): object {
  const point = p256PointOf(parseCertificate(der).spki);
  if (!point) throw new RangeError('a root whose key is not on P-256');
  return { use: 'x509-svid', kty: 'EC', crv: 'P-256', ...p256Coordinates(point), x5c: [der.toString('base64')] };
}

const jwtJwk = (key: JwtBundleKey): object => ({ use: 'jwt-svid', kid: key.kid, ...jwkMembers(key) });
