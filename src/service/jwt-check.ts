import type { IncomingMessage } from 'node:http';
import { MandateError } from '../domain/errors';
import { parseSpiffeId } from '../domain/spiffe-id';
import { type Authoriser, requireAllowed } from './allow';
import { checkJwt, MAX_TOKEN } from './checks';
import type { Peer } from './peer';
import type { ReplayStore } from './replays';
import type { BundleSource } from './sources';

export interface JwtChecking {
  readonly source: BundleSource;
  /** The name of this service, exactly as callers ask their tokens for. */
  readonly audience: string;
  readonly clients: Authoriser;
  /** Makes each token count once: then it needs a `jti`. */
  readonly replay?: ReplayStore;
  /** Told of each request that was refused, and why; the answer says less. */
  readonly onRefused?: (refusal: MandateError) => void;
}

/**
 * The peer that the bearer token of a request names, verified, allowed and, with a replay store, shown for the first time. Throws E_TOKEN,
 * E_NOT_VERIFIED, E_PEER_NOT_ALLOWED, E_BUNDLE_STALE.
 */
export async function checkRequest(request: Pick<IncomingMessage, 'rawHeaders'>, checking: JwtChecking): Promise<Peer> {
  const { source, audience, clients, replay } = checking;
  const peer = await checkJwt(bearerOf(request.rawHeaders), audience, source);
  requireAllowed(clients, peer);
  // Last, so that a token that is refused anyway takes up no room in the store.
  if (replay) await requireFirstUse(replay, peer, source.clock.nowMs());
  return peer;
}

async function requireFirstUse(replay: ReplayStore, peer: Peer, nowMs: number): Promise<void> {
  if (peer.serial === undefined || peer.serial === '')
    throw new MandateError('E_TOKEN', { why: 'no jti, and each token counts once here' });
  let first: unknown;
  try {
    // A jti is unique within the issuer that gave it out.
    first = await replay.firstUse(`${parseSpiffeId(peer.spiffeId).trustDomain} ${peer.serial}`, peer.notAfterMs, nowMs);
  } catch (cause) {
    throw new MandateError('E_TOKEN', { why: 'nobody can say whether it was shown before' }, { cause });
  }
  if (first !== true) throw new MandateError('E_TOKEN', { why: 'shown before' });
}

/** The token of the one Authorization header there is: of two, a proxy may have read the other (RFC 6750 §2.1, RFC 9110 §11.6.2). */
function bearerOf(rawHeaders: readonly string[]): string {
  const values = rawHeaders.filter((_value, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'authorization');
  const [value] = values;
  if (value === undefined) throw new NoToken();
  if (values.length > 1) throw new MandateError('E_TOKEN', { why: 'two Authorization headers' });
  if (value.length > MAX_TOKEN) throw new MandateError('E_TOKEN', { why: 'longer than any JWT-SVID' });
  const token = /^Bearer +([A-Za-z0-9_.-]+)$/i.exec(value)?.[1];
  if (token === undefined) throw new NoToken();
  return token;
}

/** Nothing was shown: the answer asks for a token and names no error (RFC 6750 §3.1). */
export class NoToken extends MandateError {
  constructor() {
    super('E_TOKEN', { why: 'no bearer token' });
  }
}
