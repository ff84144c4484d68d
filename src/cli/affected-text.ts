import type { AffectedItem } from '../domain/rule-answers';
import { safe, safeOr } from './safe';

/** Living processes whose default identity is another one after a change; empty where there are none. */
export function affectedText(affected: readonly AffectedItem[]): string {
  const lines = affected.map(
    ({ pid, agent, before, after }) => `  pid ${pid} ${safeOr(agent)}: ${identity(before)} → ${identity(after)}\n`,
  );
  return lines.length === 0 ? '' : `default identity changed for\n${lines.join('')}`;
}

const identity = (spiffeId: string | null): string => (spiffeId === null ? 'none' : safe(spiffeId));
