import { type Assurance, atLeast, type Given, type Ladder, LADDERS } from '../domain/assurance';
import { MandateError } from '../domain/errors';
import { isPathSegment, parseSpiffeId, parseTrustDomain } from '../domain/spiffe-id';
import type { Peer } from './peer';

/** Decides about a verified peer: undefined where it is welcome, else why it is not. Whatever it throws counts as a refusal. */
export type Authoriser = (peer: Peer) => string | undefined;

/** Who is welcome. Everything named has to hold; of a list one. `id` or `trustDomain` is required. */
export interface Welcome {
  /** A SPIFFE ID; `*` stands for one whole segment of its path, `**` at the end for one or more. */
  readonly id?: string | readonly string[];
  readonly trustDomain?: string | readonly string[];
  /** Lowest step of each ladder. JWT-SVIDs only: an X509-SVID does not say, so it is refused. */
  readonly assurance?: { readonly [L in Ladder]?: Assurance<L> };
  /** Ids of delegators, as `mandate trace -o json` names them. JWT-SVIDs only. */
  readonly delegator?: string | readonly string[];
  /** How the delegation was given. JWT-SVIDs only. */
  readonly given?: Given | readonly Given[];
}

/** An authoriser for one kind of peer, or for several of which one has to fit. Throws E_CONFIG for what could never be meant. */
export function allow(...welcomes: readonly Welcome[]): Authoriser {
  const checks = welcomes.map(authoriserOf);
  if (checks.length === 0) throw unusable('nobody is named');
  return (peer) => {
    let why: string | undefined;
    for (const check of checks) {
      const refusal = check(peer);
      if (refusal === undefined) return undefined;
      why ??= refusal;
    }
    return why;
  };
}

function authoriserOf({ id, trustDomain, assurance, delegator, given }: Welcome): Authoriser {
  if (id === undefined && trustDomain === undefined) throw unusable('neither id nor trustDomain');
  const ids = id === undefined ? undefined : list(id).map(idMatcher);
  const domains = trustDomain === undefined ? undefined : new Set(list(trustDomain).map(parseTrustDomain));
  const steps = Object.entries(assurance ?? {}) as readonly (readonly [Ladder, Assurance])[];
  for (const [ladder, step] of steps) {
    if (!(LADDERS[ladder] as readonly string[] | undefined)?.includes(step)) throw unusable(`assurance.${ladder}: ${step}`);
  }
  const delegators = delegator === undefined ? undefined : new Set(list(delegator));
  const ways = given === undefined ? undefined : new Set<Given>(list(given));
  const needsLineage = steps.length > 0 || delegators !== undefined || ways !== undefined;

  return ({ spiffeId, lineage }) => {
    if (ids && !ids.some((matches) => matches(spiffeId))) return 'another SPIFFE ID';
    if (domains && !domains.has(parseSpiffeId(spiffeId).trustDomain)) return 'another trust domain';
    if (!needsLineage) return undefined;
    if (!lineage) return 'an SVID that does not say on whose behalf';
    const weak = steps.find(([ladder, step]) => !atLeast(ladder, lineage.assurance[ladder], step));
    if (weak) return `${weak[0]} known too weakly`;
    if (delegators && (lineage.delegator === null || !delegators.has(lineage.delegator))) return 'another delegator';
    return ways && !ways.has(lineage.given) ? 'a delegation given in another way' : undefined;
  };
}

/** Compares by whole segments: `/agent/ana` never fits `/agent/anabel`, and no star reaches over a slash or into the trust domain. */
function idMatcher(pattern: string): (spiffeId: string) => boolean {
  if (!pattern.includes('*')) {
    const exact = parseSpiffeId(pattern).toString();
    return (spiffeId) => spiffeId === exact;
  }
  const slash = pattern.indexOf('/', 'spiffe://'.length);
  const { trustDomain, path } = parseSpiffeId(slash === -1 ? '' : pattern.slice(0, slash));
  const wanted = pattern.slice(slash + 1).split('/');
  const open = wanted.at(-1) === '**';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (path !== '' || !fixed.every((segment) => segment === '*' || isPathSegment(segment))) {
    throw unusable(`id ${pattern.slice(0, 200)}`, '* stands for a whole segment of the path, ** for the rest at its end');
  }
  return (spiffeId) => {
    const seen = parseSpiffeId(spiffeId);
    const segments = seen.path.slice(1).split('/');
    if (seen.trustDomain !== trustDomain || (open ? segments.length <= fixed.length : segments.length !== fixed.length)) return false;
    return fixed.every((segment, at) => segment === '*' || segment === segments[at]);
  };
}

const list = <T>(one: T | readonly T[]): readonly T[] => (Array.isArray(one) ? (one as readonly T[]) : [one as T]);

const unusable = (saw: string, fix?: string): MandateError =>
  new MandateError('E_CONFIG', { saw: `allow: ${saw}`, ...(fix !== undefined && { fix }) });

/** Throws E_PEER_NOT_ALLOWED unless the authoriser lets the peer in. */
export function requireAllowed(authorise: Authoriser, peer: Peer): void {
  let why: string | undefined;
  try {
    why = authorise(peer);
  } catch (cause) {
    throw new MandateError('E_PEER_NOT_ALLOWED', { saw: peer.spiffeId, why: 'the authoriser failed' }, { cause });
  }
  // Whatever an authoriser written in plain JavaScript gives back: only undefined lets in.
  if (why !== undefined) throw new MandateError('E_PEER_NOT_ALLOWED', { saw: peer.spiffeId, why: String(why).slice(0, 200) });
}
