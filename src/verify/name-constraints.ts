import type { Certificate } from '../domain/certificate';
import { uriNamesOf } from '../domain/certificate';
import { DerReader, TAG } from '../domain/der';

/** Contents of the object identifier of the extension, lower-case hex. */
export const NAME_CONSTRAINTS = '551d1e';

/** Hosts of URI names that an authority may, or may not, certify. A host stands for itself, `.host` for all that end in it. */
export interface NameConstraints {
  /** Undefined where every host is permitted. */
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
}

/** GeneralName choices: a URI, and the tags of the two lists of subtrees. */
const URI = 0x86;
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;

/**
 * Name constraints (RFC 5280 §4.2.1.10), undefined where the extension is absent. 'unreadable' where they are about other names than URIs:
 * a SPIFFE ID is one, and what is not checked must not be skipped. Throws DerError.
 */
export function nameConstraintsOf(certificate: Certificate): NameConstraints | 'unreadable' | undefined {
  const extension = certificate.extensions.get(NAME_CONSTRAINTS);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value);
  const body = reader.open(TAG.sequence);
  reader.finish();
  const permitted = body.peek() === PERMITTED ? hostsOf(body.open(PERMITTED)) : undefined;
  const excluded = body.peek() === EXCLUDED ? hostsOf(body.open(EXCLUDED)) : [];
  body.finish();
  if (permitted === 'unreadable' || excluded === 'unreadable') return 'unreadable';
  return permitted === undefined && excluded.length === 0 ? 'unreadable' : { permitted, excluded };
}

function hostsOf(list: DerReader): readonly string[] | 'unreadable' {
  const hosts: string[] = [];
  while (!list.done) {
    const subtree = list.open(TAG.sequence);
    if (subtree.peek() !== URI) return 'unreadable';
    const host = subtree.contents(URI).toString('latin1').toLowerCase();
    // minimum and maximum are not used (RFC 5280 §4.2.1.10); a host that is none would be compared by nobody the same way.
    if (!subtree.done || !HOST.test(host)) return 'unreadable';
    hosts.push(host);
  }
  return hosts.length > 0 ? hosts : 'unreadable';
}

const HOST = /^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
const ADDRESS = /^[0-9]+(\.[0-9]+){3}$/;
const SCHEME = 'spiffe://';

/**
 * True where every URI name of `certificate` keeps to the constraints. One that names no host by a domain name does not, since RFC 5280
 * asks to refuse it. Throws DerError.
 */
export const keepsTo = (certificate: Certificate, { permitted, excluded }: NameConstraints): boolean =>
  uriNamesOf(certificate).every((uri) => {
    const host = hostOf(uri);
    if (host === undefined) return false;
    return !excluded.some((one) => covers(one, host)) && (permitted?.some((one) => covers(one, host)) ?? true);
  });

function hostOf(uri: string): string | undefined {
  const rest = uri.startsWith(SCHEME) ? uri.slice(SCHEME.length) : '';
  const host = rest.split('/', 1)[0] as string;
  return HOST.test(host) && !host.startsWith('.') && !ADDRESS.test(host) ? host : undefined;
}

const covers = (constraint: string, host: string): boolean =>
  constraint.startsWith('.') ? host.endsWith(constraint) : host === constraint;
