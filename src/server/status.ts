import type { StatusAnswer } from '../domain/answers';
import { bundleUrl } from '../domain/bundle';
import type { Layout } from '../domain/layout';
import type { Standing } from './callers';
import type { ServerParts } from './server';

/** What `mandate status` tells this caller; `missing` names the parts that are not there. */
export function statusAnswer(parts: ServerParts, standing: Standing, missing: readonly ('database' | 'node')[]): StatusAnswer {
  const { layout } = parts;
  const detail = { server: layout.adminSocket, node: layout.agentSocket, database: parts.databaseDetail };
  return {
    trustDomain: parts.trustDomain,
    workloadApi: `unix://${layout.agentSocket}`,
    bundleUrl: bundleUrl(parts.httpsPort),
    healthUrl: `http://127.0.0.1:${parts.healthPort}/ready`,
    ready: missing.length === 0,
    separated: standing.separated,
    mode: layout.mode,
    version: parts.version,
    installation: parts.installationId,
    parts: parts.supervised().map(({ name, pid, uid }) => ({
      name,
      state: missing.some((absent) => absent === name) ? 'down' : 'ready',
      pid,
      uid,
      detail: detail[name],
    })),
    notes: statusNotes(layout, standing),
  };
}

function statusNotes(layout: Layout, standing: Standing): string[] {
  if (layout.mode === 'own-user')
    return ['The issuer runs under the same user as your agents: at most `observed` (mandate help separation).'];
  return standing.separated ? [] : ['You are root: nothing separates the issuer from what you start (mandate help separation).'];
}
