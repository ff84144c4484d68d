import { z } from 'zod';
import type { AuthorityItem } from '../domain/authority-answers';
import type { AuthorityConfig } from '../domain/authority-config';
import { AUTHORITY_KINDS, AUTHORITY_VERBS, type AuthorityOrder, type AuthorityStanding, lastUseMs } from '../domain/authority-life';
import { MandateError } from '../domain/errors';
import type { VerbHandlers } from './admin-api';
import { rfc3339 } from '../domain/instant';
import type { Callers, PinnedCaller, Standing } from './callers';
import { MAX_CANDIDATES, referenceText, theOne } from './reference';

const MIN_PREFIX = 4;

export interface AuthorityVerbsParts {
  readonly callers: Callers;
  readonly authorityConfig: AuthorityConfig;
  readonly authorityStanding: () => readonly AuthorityStanding[];
  /** Resolves when everything that the order means is done and on record. */
  readonly orderAuthorities: (order: AuthorityOrder, caller: PinnedCaller, standing: Standing) => Promise<void>;
}

/** The verbs of `ca`: for administrators alone. */
export const authorityVerbs = (parts: AuthorityVerbsParts): Pick<VerbHandlers, 'showAuthorities' | 'orderAuthorities'> => ({
  showAuthorities: async (_, caller) => {
    await parts.callers.administer('ca show', caller);
    const { propagationSeconds, refreshHintSeconds, lifetimeSeconds } = parts.authorityConfig;
    return { propagationSeconds, refreshHintSeconds, lifetimeSeconds, authorities: parts.authorityStanding().map(authorityItem) };
  },

  orderAuthorities: async (request, caller) => {
    const standing = await parts.callers.administer(`ca ${verbOf(request.order)}`, caller);
    const before = parts.authorityStanding();
    const order = orderOf(request, before);
    await parts.orderAuthorities(order, caller, standing);
    const concerned = ({ row }: AuthorityStanding): boolean => {
      if ('keyId' in order && row.keyId === order.keyId) return true;
      if ('kinds' in order && order.kinds.includes(row.kind) && row.stage === 'prepared') return true;
      return before.find((known) => known.row.keyId === row.keyId)?.row.stage !== row.stage;
    };
    return { order: order.do, authorities: parts.authorityStanding().filter(concerned).map(authorityItem) };
  },
});

const verbSchema = z.enum(AUTHORITY_VERBS);

function verbOf(order: unknown): string {
  const parsed = verbSchema.safeParse(order);
  if (!parsed.success) throw new MandateError('E_REQUEST', { why: `an order is ${AUTHORITY_VERBS.join(', ')}` });
  return parsed.data;
}

const kindsSchema = z
  .array(z.enum(AUTHORITY_KINDS))
  .min(1)
  .max(AUTHORITY_KINDS.length)
  .refine((kinds) => new Set(kinds).size === kinds.length);

/** The order a request means; without kinds it is about those that sign. Throws E_REQUEST, E_NOT_FOUND, E_AMBIGUOUS. */
function orderOf(
  { order, kinds, reference }: { readonly order: AuthorityOrder['do']; readonly kinds?: unknown; readonly reference?: unknown },
  known: readonly AuthorityStanding[],
): AuthorityOrder {
  if (order === 'prepare' || order === 'rotate') {
    const signing = AUTHORITY_KINDS.filter((kind) => known.some(({ row }) => row.kind === kind && row.stage === 'active'));
    const parsed = kindsSchema.safeParse(kinds ?? signing);
    if (!parsed.success) throw new MandateError('E_REQUEST', { why: `a kind of authority is ${AUTHORITY_KINDS.join(', ')}` });
    return { do: order, kinds: parsed.data };
  }
  const wanted = referenceText(reference, 'a key id');
  if (wanted.length < MIN_PREFIX) throw new MandateError('E_REQUEST', { why: `a key id, or at least its first ${MIN_PREFIX} characters` });
  const found = known.filter(({ row }) => row.keyId.startsWith(wanted)).slice(0, MAX_CANDIDATES);
  return { do: order, keyId: theOne(found, wanted, ({ row }) => row.keyId).row.keyId };
}

function authorityItem({ row, published, readyAtMs, revocationAtMs }: AuthorityStanding): AuthorityItem {
  const orNull = (atMs: number | null) => (atMs === null ? null : rfc3339(atMs));
  const lastUse = lastUseMs(row);
  return {
    kind: row.kind,
    keyId: row.keyId,
    stage: row.stage,
    published,
    ready: orNull(readyAtMs),
    early: row.early,
    prepared: rfc3339(row.preparedAtMs),
    activated: orNull(row.activatedAtMs),
    retired: orNull(row.retiredAtMs),
    tainted: orNull(row.taintedAtMs),
    revocation: orNull(revocationAtMs),
    revoked: orNull(row.revokedAtMs),
    notAfter: rfc3339(row.notAfterMs),
    lastUse: row.stage === 'active' || !Number.isFinite(lastUse) ? null : rfc3339(lastUse),
  };
}
