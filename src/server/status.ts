import type { StatusAnswer } from '../domain/answers';
import { bundleUrl, webBundleUrl } from '../domain/bundle';
import type { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Standing } from './callers';
import type { DeviceSession } from './device-session';
import type { ServerParts } from './server';

/** How members of launches are told on the linked device. */
export interface LaunchGroupsSeen {
  /** Why new launches get no control group of their own; empty where they do. */
  readonly missing: string;
  /** Running launches without one. */
  readonly without: number;
}

export const launchGroups = (session: DeviceSession | undefined): LaunchGroupsSeen | undefined =>
  session && {
    missing: session.parts.groupsMissing,
    without: [...session.living.agents.values()].filter(({ launch }) => launch?.groupFrom === null).length,
  };

/** What `mandate status` tells this caller; `missing` names the parts that are not there. */
export function statusAnswer(
  parts: ServerParts,
  standing: Standing,
  missing: readonly ('database' | 'node')[],
  groups: LaunchGroupsSeen | undefined,
  webFault: MandateError | undefined,
): StatusAnswer {
  const { layout } = parts;
  const { publish, web, oidc } = parts.config;
  const local = `http://127.0.0.1:${parts.healthPort}`;
  const detail = { server: layout.adminSocket, node: layout.agentSocket, database: parts.databaseDetail };
  return {
    trustDomain: parts.trustDomain,
    workloadApi: `unix://${layout.agentSocket}`,
    bundleUrl: bundleUrl(parts.httpsPort, publish.address),
    webBundleUrl: web && webBundleUrl(web),
    oidcIssuer: oidc.issuer,
    healthUrl: `${local}/ready`,
    metricsUrl: `${local}/metrics`,
    ready: missing.length === 0,
    separated: standing.separated,
    mode: layout.mode,
    version: parts.version,
    installation: parts.installationId,
    keys: parts.keys.home,
    parts: parts.supervised().map(({ name, pid, uid }) => ({
      name,
      state: missing.some((absent) => absent === name) ? 'down' : 'ready',
      pid,
      uid,
      detail: detail[name],
    })),
    notes: [
      ...statusNotes(layout, standing),
      ...signerNotes(parts.keys.fault, standing),
      ...groupNotes(groups),
      ...webNotes(webFault, standing),
    ],
  };
}

function statusNotes(layout: Layout, standing: Standing): string[] {
  if (layout.mode === 'own-user')
    return ['The issuer runs under the same user as your agents: at most `observed` (mandate help separation).'];
  return standing.separated ? [] : ['You are root: nothing separates the issuer from what you start (mandate help separation).'];
}

/** Running agents keep their SVIDs meanwhile, so that only this says what is wrong. */
function signerNotes(fault: MandateError | undefined, { administrator }: Standing): string[] {
  if (!fault) return [];
  const { saw, why } = fault.explanation;
  const seen = administrator ? `: ${[saw, why].filter(Boolean).join(', ')}` : '';
  return [`The signer of the authority keys did not sign when it was last asked${seen} (mandate help ${fault.code}).`];
}

/** Paths and names in the files are for administrators. */
function webNotes(fault: MandateError | undefined, { administrator }: Standing): string[] {
  if (!fault) return [];
  const { saw, why } = fault.explanation;
  const seen = administrator ? `: ${[saw, why].filter(Boolean).join(', ')}` : '';
  return [`The web endpoint cannot use what it is given${seen} (mandate help ${fault.code}).`];
}

/** What leaves a launch without a control group when it is handed to init is no member any more: that is said, not lost. */
function groupNotes(groups: LaunchGroupsSeen | undefined): string[] {
  if (!groups) return [];
  if (groups.missing !== '')
    return [
      `Launches get no control group of their own, so who is handed to init leaves its launch: ${groups.missing} (mandate help separation).`,
    ];
  if (groups.without === 0) return [];
  return [`${groups.without} running launches have no control group of their own: see \`mandate agents show\`.`];
}
