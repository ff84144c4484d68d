import type { Certificate } from '../domain/certificate';
import { basicConstraintsOf, KEY_USAGE, keyUsageOf, parseCertificate, uriNamesOf } from '../domain/certificate';
import { DerError, DerReader, TAG } from '../domain/der';
import { MandateError } from '../domain/errors';
import type { SpiffeId } from '../domain/spiffe-id';
import { parseSpiffeId } from '../domain/spiffe-id';
import { unhandledExtension } from './authority';
import { checkPath, NO_ROOT } from './certificate-path';
import { readPemCertificates } from './pem-certificates';
import type { TrustBundles } from './trust-bundle';
import { bundleOf, ignoredIn } from './trust-bundle';

/** Upper bounds of a chain, checked before it is parsed. */
export const MAX_CHAIN_BYTES = 64 * 1024;
export const MAX_CHAIN = 8;

export interface VerifiedX509Svid {
  readonly spiffeId: string;
  /** Lower-case hex. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Verifies an X509-SVID, leaf first, in PEM, in concatenated DER, or one DER after the other as TLS hands them over (X509-SVID §5, RFC 5280
 * §6): the leaf's form, and a path to a root of its own trust domain, valid at `nowMs`. Throws E_NOT_VERIFIED with the first reason found.
 */
export function verifyX509Svid(chain: Buffer | readonly Buffer[], bundles: TrustBundles, nowMs: number): VerifiedX509Svid {
  try {
    const [leaf, ...sent] = readChain(chain).map(parseCertificate);
    if (!leaf) throw refused('no certificate');
    const id = checkLeaf(leaf);
    const bundle = bundleOf(bundles, id.trustDomain);
    if (!bundle) throw refused('no bundle of its trust domain');
    const fault = checkPath(leaf, sent, bundle.issuers, nowMs);
    if (fault !== undefined) throw refused(fault === NO_ROOT ? fault + ignoredIn(bundle) : fault);
    return {
      spiffeId: id.toString(),
      serial: leaf.serial.toString('hex'),
      notBeforeMs: leaf.notBeforeMs,
      notAfterMs: leaf.notAfterMs,
    };
  } catch (error) {
    if (error instanceof DerError) throw refused(`not a certificate: ${error.message}`);
    throw error;
  }
}

function readChain(chain: Buffer | readonly Buffer[]): readonly Buffer[] {
  if (!Buffer.isBuffer(chain)) {
    if (chain.length > MAX_CHAIN) throw refused(`more than ${MAX_CHAIN} certificates`);
    if (chain.reduce((sum, { length }) => sum + length, 0) > MAX_CHAIN_BYTES) throw refused('larger than 64 KiB');
    return chain;
  }
  if (chain.length > MAX_CHAIN_BYTES) throw refused('larger than 64 KiB');
  if (chain[0] !== TAG.sequence) {
    const ders = readPemCertificates(chain.toString('latin1'), MAX_CHAIN);
    if (!ders) throw refused(`neither DER nor PEM of 1 to ${MAX_CHAIN} certificates`);
    return ders;
  }
  const reader = new DerReader(chain);
  const ders: Buffer[] = [];
  while (!reader.done) {
    if (ders.length === MAX_CHAIN) throw refused(`more than ${MAX_CHAIN} certificates`);
    ders.push(reader.element(TAG.sequence));
  }
  return ders;
}

/** The SPIFFE ID of a leaf whose form is that of an X509-SVID. */
function checkLeaf(leaf: Certificate): SpiffeId {
  const uris = uriNamesOf(leaf);
  if (uris.length !== 1) throw refused(`${uris.length} URI names instead of one`);
  const id = spiffeIdOf(uris[0] as string);
  if (id.path === '') throw refused('the SPIFFE ID of a trust domain, not of a workload');
  if (basicConstraintsOf(leaf)?.ca) throw refused('a leaf marked as an authority');
  const usage = keyUsageOf(leaf) ?? 0;
  if ((usage & KEY_USAGE.digitalSignature) === 0) throw refused('a leaf whose key may not sign');
  if ((usage & (KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)) !== 0) throw refused('a leaf whose key may sign certificates');
  if (unhandledExtension(leaf)) throw refused('a critical extension that is not understood');
  return id;
}

function spiffeIdOf(uri: string): SpiffeId {
  try {
    return parseSpiffeId(uri);
  } catch (error) {
    throw refused('a URI name that is not a SPIFFE ID', error);
  }
}

const refused = (why: string, cause?: unknown): MandateError => new MandateError('E_NOT_VERIFIED', { why }, { cause });
