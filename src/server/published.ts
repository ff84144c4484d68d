import { type Bundle, BUNDLE_PATH, spiffeBundleJson } from '../domain/bundle';
import { discoveryJson, oidcKeysJson, oidcPaths } from '../domain/oidc';
import type { Document } from './documents';

/** Copies are asked for again well before the hint says that the bundle is old (Federation §6.1). */
const maxAgeSeconds = ({ refreshHintSeconds }: Bundle): number => Math.max(1, Math.floor(refreshHintSeconds / 4));

/** What is published: the trust bundle, and where there is an issuer its two OpenID Connect documents. */
export function publishedDocuments(bundle: () => Bundle, issuer: string | null): readonly Document[] {
  const of = (path: string, name: string, text: (bundle: Bundle) => string): Document => {
    // A bundle is one frozen value until it changes: it is not written again for every stranger who asks.
    let last: { readonly bundle: Bundle; readonly body: string } | undefined;
    const now = () => {
      const current = bundle();
      if (last?.bundle !== current) last = { bundle: current, body: text(current) };
      return { body: last.body, maxAgeSeconds: maxAgeSeconds(current) };
    };
    return { path, name, now };
  };
  const documents = [of(BUNDLE_PATH, 'bundle', spiffeBundleJson)];
  if (issuer === null) return documents;
  const paths = oidcPaths(issuer);
  return [...documents, of(paths.discovery, 'oidc-discovery', () => discoveryJson(issuer)), of(paths.keys, 'oidc-keys', oidcKeysJson)];
}
