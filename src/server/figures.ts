import type { Bundle } from '../domain/bundle';
import { algorithmOf, type JwtAlgorithm } from '../domain/jwt-key';
import type { AuthorityRow } from '../domain/authority-row';
import type { LoopDelay } from '../system/loop-delay';
import type { NodeApi } from './node-api';
import type { Profile, Publication } from './publication';

/** What is looked at when somebody asks, rather than counted. Nothing in it names a process, a person or an identity. */
export interface Figures {
  readonly authorities: readonly {
    readonly authority: AuthorityRow['kind'];
    readonly stage: AuthorityRow['stage'];
    readonly seconds: number;
  }[];
  readonly certificates: readonly { readonly profile: Profile; readonly seconds: number }[];
  readonly bundle: { readonly sequence: number; readonly keys: Readonly<Record<AuthorityRow['kind'], number>> };
  /** Undefined where no web endpoint is configured. */
  readonly webFaulty: boolean | undefined;
  readonly queues: { readonly records: number; readonly nodeRequests: number };
  readonly nodeLinked: boolean;
  readonly living: Readonly<Partial<Record<'agents' | 'processes' | 'streams' | 'x509_svids', number>>>;
  readonly loopDelay: Readonly<Partial<Record<'server' | 'node', LoopDelay>>>;
  readonly residentBytes: Readonly<Partial<Record<'server' | 'node', number>>>;
  readonly cpuSeconds: Readonly<Partial<Record<'server' | 'node', number>>>;
}

export interface FiguresParts {
  readonly authorities: () => readonly AuthorityRow[];
  readonly bundle: () => Bundle;
  readonly publication: Pick<Publication, 'endsAtMs' | 'webFault' | 'hasWeb'>;
  readonly node: NodeApi;
  readonly recordsQueued: () => number;
  readonly loopDelay: () => LoopDelay;
  readonly nowMs: () => number;
}

const PROFILES = ['https_spiffe', 'https_web'] as const;

/** Looks at everything once. What the node knows is asked of it; where it does not answer its figures are missing. */
export async function lookAround(parts: FiguresParts): Promise<Figures> {
  const { node, publication } = parts;
  const nowMs = parts.nowMs();
  const bundle = parts.bundle();
  const session = node.session;
  const told = session ? await node.figures().catch(() => undefined) : undefined;
  const { user, system } = process.cpuUsage();
  return {
    authorities: lastOfEach(parts.authorities(), nowMs),
    certificates: PROFILES.flatMap((profile) => left(profile, publication.endsAtMs[profile], nowMs)),
    bundle: { sequence: bundle.sequence, keys: keysIn(bundle) },
    webFaulty: publication.hasWeb ? publication.webFault !== undefined : undefined,
    queues: { records: parts.recordsQueued(), nodeRequests: node.queued },
    nodeLinked: session !== undefined,
    living: {
      ...(session && { agents: session.living.agents.size, processes: session.living.processes.size }),
      ...(told && { streams: told.streams, x509_svids: told.x509Svids }),
    },
    loopDelay: {
      server: parts.loopDelay(),
      ...(told && { node: { median: told.loopDelayMedian, p99: told.loopDelayP99, most: told.loopDelayMost } }),
    },
    residentBytes: { server: process.memoryUsage.rss(), ...(told && { node: Number(told.residentBytes) }) },
    cpuSeconds: { server: (user + system) / 1e6, ...(told && { node: told.cpuSeconds }) },
  };
}

function keysIn({ x509, jwt }: Bundle): Figures['bundle']['keys'] {
  const of = (algorithm: JwtAlgorithm) => jwt.filter((key) => algorithmOf(key) === algorithm).length;
  return { x509: x509.length, jwt: of('ES256'), 'jwt-rs256': of('RS256') };
}

/** Of each kind and stage the one that lives longest; those that have ended say nothing any more. */
function lastOfEach(rows: readonly AuthorityRow[], nowMs: number): Figures['authorities'] {
  const last = new Map<string, Figures['authorities'][number]>();
  for (const { kind: authority, stage, notAfterMs } of rows) {
    const seconds = (notAfterMs - nowMs) / 1000;
    const name = `${authority} ${stage}`;
    if (seconds > (last.get(name)?.seconds ?? 0)) last.set(name, { authority, stage, seconds });
  }
  return [...last.values()];
}

const left = (profile: Profile, endsAtMs: number | undefined, nowMs: number): Figures['certificates'] =>
  endsAtMs === undefined ? [] : [{ profile, seconds: (endsAtMs - nowMs) / 1000 }];
