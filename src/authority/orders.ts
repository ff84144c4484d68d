import { type AuthorityOrder, lastUseMs, STAGES_BEFORE } from '../domain/authority-life';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import { type Publication, readyAtMs, type Step } from './schedule';

/** What an order is judged by. */
export interface Present extends Publication {
  readonly rows: readonly AuthorityRow[];
  readonly nowMs: number;
}

export type OrderedStep = { readonly kind: AuthorityKind; readonly step: Step; readonly early?: boolean };

/**
 * The steps that an order of an administrator means; none where it holds already. Throws E_NOT_FOUND, E_AUTHORITY_STAGE, E_AUTHORITY_UNPUBLISHED and E_AUTHORITY_IN_USE
 * where they would leave verifiers with SVIDs that they cannot verify.
 */
export function stepsOf(order: AuthorityOrder, present: Present): readonly OrderedStep[] {
  if ('kinds' in order) return order.kinds.flatMap((kind) => successorStep(order.do, kind, present));
  const row = present.rows.find(({ keyId }) => keyId === order.keyId);
  if (!row) throw new MandateError('E_NOT_FOUND', { saw: `authority ${order.keyId}` });
  // By itself, a moment before: what is ordered holds, and a script that tainted it has not failed.
  if (order.do === 'revoke' && row.stage === 'revoked') return [];
  assertStage(order.do, row);
  if (order.do === 'activate') assertPublished(row, present);
  if (order.do === 'revoke') assertUnused(row, present);
  return [{ kind: row.kind, step: { do: order.do, keyId: row.keyId } }];
}

function successorStep(verb: 'prepare' | 'rotate', kind: AuthorityKind, { rows, nowMs }: Present): readonly OrderedStep[] {
  const prepared = rows.find((row) => row.kind === kind && row.stage === 'prepared' && row.notAfterMs > nowMs);
  if (!prepared) return [{ kind, step: { do: 'prepare' }, early: verb === 'rotate' }];
  if (verb === 'rotate') return prepared.early ? [] : [{ kind, step: { do: 'hasten', keyId: prepared.keyId } }];
  throw new MandateError('E_AUTHORITY_STAGE', {
    saw: `${named(prepared)} is prepared`,
    why: 'one successor at a time is published',
    fix: `mandate ca activate ${prepared.keyId}, or mandate ca rotate ${kind}`,
  });
}

const REACHED = { activate: 'active', taint: 'tainted', revoke: 'revoked' } as const;

function assertStage(verb: keyof typeof REACHED, row: AuthorityRow): void {
  const from = STAGES_BEFORE[REACHED[verb]];
  // What signs cannot be revoked either, but the reason is another.
  if (from.includes(row.stage) || (verb === 'revoke' && row.stage === 'active')) return;
  throw new MandateError('E_AUTHORITY_STAGE', {
    saw: `${named(row)} is ${row.stage}`,
    why: `${verb} needs one that is ${from.join(' or ')}`,
  });
}

/** Verifiers that read the bundle before it was in there would refuse what it signs. */
function assertPublished(row: AuthorityRow, present: Present): void {
  const { nowMs } = present;
  if (row.notAfterMs <= nowMs) throw new MandateError('E_AUTHORITY_STAGE', { saw: `${named(row)} has ended` });
  const readyMs = readyAtMs(row, present);
  if (nowMs >= readyMs) return;
  const left = Number.isFinite(readyMs) ? `${Math.ceil((readyMs - nowMs) / 1000)} s are left` : 'nobody has seen it published yet';
  throw new MandateError('E_AUTHORITY_UNPUBLISHED', {
    saw: `${named(row)}, published too shortly`,
    why: `${left} of the ${present.propagationMs / 1000} s after which verifiers know it`,
    fix: `wait, or have it done by itself with mandate ca rotate ${row.kind}`,
  });
}

function assertUnused(row: AuthorityRow, { nowMs }: Present): void {
  const untilMs = lastUseMs(row);
  if (row.stage === 'tainted' || (row.stage !== 'active' && untilMs <= nowMs)) return;
  const until = Number.isFinite(untilMs) ? ` until ${new Date(untilMs).toISOString()}` : '';
  throw new MandateError('E_AUTHORITY_IN_USE', {
    saw: `${named(row)} is ${row.stage}`,
    why: row.stage === 'active' ? 'it signs, and what it signed is presented' : `what it signed may be valid${until}`,
    fix: `mandate ca taint ${row.keyId} has all of it replaced first`,
  });
}

const KIND_NAMES: Readonly<Record<AuthorityKind, string>> = { x509: 'X.509', jwt: 'JWT', 'jwt-rs256': 'RS256 JWT' };
const named = ({ kind, keyId }: AuthorityRow): string => `${KIND_NAMES[kind]} authority ${keyId}`;
