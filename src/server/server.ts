import type { Server as HttpServer } from 'node:http';
import { createHash } from 'node:crypto';
import { Server } from '@grpc/grpc-js';
import type { StatusAnswer } from '../domain/answers';
import { bundleDer, type Bundle, jwkSetJson, spiffeBundleJson } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import { newId, newReference } from '../domain/ids';
import type { AuthorityKind, AuthorityRow, DeviceRow, EventKind, EventRow } from '../domain/lineage';
import type { Layout } from '../domain/layout';
import type { AuthorityStore, Clock, LineageReader, LineageWriter, Log, Random, RuleStore } from '../domain/ports';
import { type EventData, eventRow } from '../domain/records';
import { Admin } from '../generated/proto/mandate/v1/admin_pb';
import { NodeLink, type NodeHello } from '../generated/proto/mandate/v1/node_link_pb';
import type { PeerConnection } from '../system/peer-connection';
import { listenForPeers, PEER_SERVER_OPTIONS, type PeerListener } from '../system/peer-listener';
import type { PinnedProcesses } from '../system/processes';
import type { Readiness } from '../system/readiness';
import { grpcService } from '../wire/grpc';
import { adminApi } from './admin-api';
import { Callers, type Standing } from './callers';
import { Configuration } from './configuration';
import { DeviceSession } from './device-session';
import { type EndpointAuthority, Endpoint } from './endpoint';
import type { ActiveAuthority } from './configuration';
import type { JwtPlan, X509Plan } from '../domain/issuance';
import { Issuer } from './issue';
import { Living } from './living';
import { NodeApi } from './node-api';
import { BUNDLE_PATH, publishHealth } from './publication';
import { Refuser } from './refuse';
import { Rules } from './rules';
import { verbHandlers } from './verbs';

/** Authorities are looked at this often; each look without anything due costs nothing. */
const TICK_MS = 10_000;
const MAX_OPEN_AGENTS = 50_000;

/** A change of stage of one authority. */
export interface AuthorityStep {
  readonly kind: 'authority-prepared' | 'authority-activated' | 'authority-retired';
  readonly authority: AuthorityKind;
  readonly keyId: string;
}

export interface ServerAuthorities {
  x509(): ActiveAuthority<X509Plan> & EndpointAuthority;
  jwt(): ActiveAuthority<JwtPlan>;
  bundle(): Bundle;
  readonly opening: readonly AuthorityStep[];
  tick(): Promise<readonly AuthorityStep[]>;
  onChange(changed: () => void): () => void;
}

export interface ServerParts {
  readonly layout: Layout;
  readonly version: string;
  readonly trustDomain: string;
  readonly installationId: string;
  readonly httpsPort: number;
  readonly healthPort: number;
  readonly hostname: string;
  readonly authorities: ServerAuthorities;
  readonly authorityStore: Pick<AuthorityStore, 'all'>;
  readonly lineage: LineageWriter;
  readonly reader: LineageReader;
  readonly ruleStore: RuleStore;
  readonly databaseReady: () => Promise<boolean>;
  readonly databaseDetail: string;
  readonly processes: PinnedProcesses;
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly uidMin: number;
  readonly jwtPerMinute: number;
  /** Key of the node process that the supervisor started; undefined while there is none. */
  readonly nodeKey: () => string | undefined;
  /** Asks the supervisor to end everything. */
  readonly shutdown: () => void;
  /** Parts the supervisor knows of: pids and uids. */
  readonly supervised: () => readonly {
    readonly name: 'server' | 'node' | 'database';
    readonly pid: number | null;
    readonly uid: number | null;
  }[];
}

export interface RunningServer {
  readonly rules: Rules;
  close(): Promise<void>;
}

/** Starts the control plane: the link for the node, the admin API, the bundle endpoint and health. Resolves when all of them listen. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { authorities, layout, clock, random, lineage, reader, log, trustDomain } = parts;
  const rules = new Rules(parts.ruleStore, trustDomain);
  await rules.load();
  let authorityRows: readonly AuthorityRow[] = await parts.authorityStore.all();
  const configuration = new Configuration({ rules: rules.compiled, x509: authorities.x509(), jwt: authorities.jwt() });
  const livingByDevice = new Map<string, Living>();

  const event = <K extends EventKind>(kind: K, data: EventData[K], columns: Partial<EventRow> = {}): Promise<void> => {
    const atMs = clock.nowMs();
    const blank = { reference: null, code: null, agentId: null, processKey: null };
    return lineage.append({ fact: { event: eventRow({ ...blank, ...columns, id: newId(random, atMs), kind, atMs }, data) } });
  };
  /** Who asked, as a record says it. */
  const asked = ({ pid, uid }: { readonly pid: number; readonly uid: number }) => ({
    deviceId: node.session?.living.device.id ?? null,
    pid,
    uid,
    evidenceDigest: null,
  });

  const bundleUpdate = () => {
    const bundle = authorities.bundle();
    return { sequence: BigInt(bundle.sequence), x509Authorities: bundleDer(bundle), jwtBundle: Buffer.from(jwkSetJson(bundle)) };
  };

  const admit = async (hello: NodeHello): Promise<DeviceSession> => {
    const device = await deviceOf(parts, hello);
    const known = livingByDevice.get(device.id);
    const living = known ?? new Living(device);
    if (known) known.relinked();
    else {
      const open = await reader.agents({ ended: false }, MAX_OPEN_AGENTS);
      living.restore(open.filter(({ agent }) => agent.deviceId === device.id));
      livingByDevice.set(device.id, living);
    }
    const issuer = new Issuer({
      configuration,
      living,
      lineage,
      reader,
      clock,
      random,
      uidMin: parts.uidMin,
      jwtPerMinute: parts.jwtPerMinute,
    });
    const refuser = new Refuser({ configuration, living, lineage, clock, random, log });
    const { installationId, version } = parts;
    return new DeviceSession({
      trustDomain,
      installationId,
      version,
      configuration,
      living,
      issuer,
      refuser,
      lineage,
      bundle: bundleUpdate,
      clock,
      random,
      log,
    });
  };
  const node = new NodeApi({ admit, monotonicMs: () => clock.monotonicMs(), after: (ms, run) => clock.after(ms, run), log });

  const pokeChanged = () => {
    const processKeys = node.session?.changedByRules() ?? [];
    if (processKeys.length > 0) node.tell({ case: 'poke', value: { processKeys } });
  };

  const callers = new Callers({
    node,
    ownUid: process.geteuid?.() ?? -1,
    installed: layout.mode === 'installed',
    agentOfKey: (key) => [...livingByDevice.values()].map((living) => living.agentOfKey(key)?.row.id).find((id) => id !== undefined),
    refused: async (verb, caller, code, agentId) => {
      log.warn({ verb, pid: caller.pid, uid: caller.uid, code, agent: agentId }, 'admin call refused');
      await event(
        'admin-refused',
        { verb, ...asked(caller) },
        { code, reference: newReference(random), agentId: agentId ?? null, processKey: caller.key },
      );
    },
  });

  const endpoint = await Endpoint.open({
    port: parts.httpsPort,
    hostname: parts.hostname,
    authority: () => authorities.x509(),
    lineage,
    clock,
    random,
    log,
    bundle: () => {
      const bundle = authorities.bundle();
      return { body: spiffeBundleJson(bundle), refreshHintSeconds: bundle.refreshHintSeconds };
    },
  });

  const unready = async (): Promise<string[]> => [
    ...((await parts.databaseReady()) ? [] : ['database']),
    ...(node.session ? [] : ['node']),
  ];
  const health = await publishHealth(parts.healthPort, unready);

  const status = async (standing: Standing): Promise<StatusAnswer> => {
    const missing = await unready();
    const detail = { server: `uid ${process.geteuid?.() ?? 0}`, node: layout.agentSocket, database: parts.databaseDetail };
    return {
      trustDomain,
      workloadApi: `unix://${layout.agentSocket}`,
      bundleUrl: `https://localhost:${parts.httpsPort}${BUNDLE_PATH}`,
      healthUrl: `http://127.0.0.1:${parts.healthPort}/ready`,
      ready: missing.length === 0,
      separated: standing.separated,
      mode: layout.mode,
      version: parts.version,
      installation: parts.installationId,
      parts: parts
        .supervised()
        .map(({ name, pid, uid }) => ({ name, state: missing.includes(name) ? 'down' : 'ready', pid, uid, detail: detail[name] })),
      notes: statusNotes(layout, standing),
    };
  };

  const handlers = verbHandlers({
    callers,
    node,
    rules,
    ruleStore: parts.ruleStore,
    reader,
    bundle: () => authorities.bundle(),
    authorities: () => authorityRows,
    status,
    installationId: parts.installationId,
    installed: layout.mode === 'installed',
    deviceId: () => node.session?.living.device.id ?? [...livingByDevice.keys()][0],
    clock,
    random,
    rulesApplied: async (names, caller) => {
      configuration.change({ rules: rules.compiled });
      pokeChanged();
      const applied = rules.current.filter(({ rule }) => names.includes(rule.name));
      await event(
        'rules-applied',
        {
          ...asked(caller),
          generation: rules.compiled.generation,
          rules: applied.map(({ rule, version, contentSha256 }) => ({ name: rule.name, version, contentSha256 })),
        },
        { processKey: caller.key },
      );
    },
    shutdown: async (caller) => {
      await event('shutdown', { ...asked(caller), reason: 'asked by an administrator' }, { processKey: caller.key });
      parts.shutdown();
    },
  });

  const linkServer = new Server({ ...PEER_SERVER_OPTIONS, 'grpc.max_receive_message_length': 1024 * 1024 });
  linkServer.addService(grpcService(NodeLink), { link: node.handler });
  const adminServer = new Server({ ...PEER_SERVER_OPTIONS, 'grpc.max_receive_message_length': 4 * 1024 * 1024 });
  const adminListenerBox: { listener?: PeerListener } = {};
  adminServer.addService(
    grpcService(Admin),
    adminApi(handlers, (call) => peerOf(adminListenerBox.listener, call), log),
  );

  const common = { processes: parts.processes, readiness: parts.readiness, senderPeek: true, clock, log, maxTotal: 500 };
  const linkListener = await listenForPeers({
    ...common,
    server: linkServer,
    path: layout.linkSocket,
    folderMode: 0o700,
    socketMode: 0o600,
    maxPerProcess: 8,
    maxPerUid: 64,
    // Only the node our own supervisor started, however it was asked: same pidfs inode.
    admit: (peer) => {
      if (peer.process.key !== parts.nodeKey())
        throw new MandateError('E_NOT_ADMIN', { why: 'this socket is for the node that mandate started' });
    },
    onRefused: (error, credentials) => {
      log.warn({ code: error.code, pid: credentials.pid, uid: credentials.uid }, 'link refused');
      event('admin-refused', { verb: 'link', ...asked(credentials) }, { code: error.code, reference: newReference(random) }).catch(
        (thrown: unknown) => log.error({ err: thrown }, 'refusal not recorded'),
      );
    },
  });
  adminListenerBox.listener = await listenForPeers({
    ...common,
    server: adminServer,
    path: layout.adminSocket,
    folderMode: layout.mode === 'installed' ? 0o755 : 0o700,
    socketMode: layout.mode === 'installed' ? 0o666 : 0o600,
    maxPerProcess: 32,
    maxPerUid: 128,
    admit: () => undefined,
    onRefused: (error, credentials) =>
      log.warn({ code: error.code, pid: credentials.pid, uid: credentials.uid }, 'admin connection refused'),
  });

  authorities.onChange(() => {
    configuration.change({ x509: authorities.x509(), jwt: authorities.jwt() });
    node.tell({ case: 'bundle', value: bundleUpdate() });
    void endpoint.renew();
  });

  const recordSteps = async (steps: readonly AuthorityStep[]): Promise<void> => {
    if (steps.length === 0) return;
    authorityRows = await parts.authorityStore.all();
    for (const { kind, authority, keyId } of steps) {
      const row = authorityRows.find((candidate) => candidate.keyId === keyId);
      if (kind !== 'authority-prepared') await event(kind, { authority, keyId });
      else if (row) {
        const publicSha256 = createHash('sha256').update(row.public).digest('hex');
        await event(kind, { authority, keyId, publicSha256, notBeforeMs: row.notBeforeMs, notAfterMs: row.notAfterMs });
      }
    }
  };
  await recordSteps(authorities.opening);

  let closed = false;
  const tick = async (): Promise<void> => {
    try {
      await recordSteps(await authorities.tick());
      await endpoint.renewIfDue();
    } catch (error) {
      log.error({ err: error }, 'authorities not looked at');
    }
    if (!closed) clock.after(TICK_MS, () => void tick());
  };
  clock.after(TICK_MS, () => void tick());

  return {
    rules,
    async close() {
      closed = true;
      await Promise.all([adminListenerBox.listener?.close(), linkListener.close(), endpoint.close(), closeHttp(health)]);
    },
  };
}

const closeHttp = (server: HttpServer): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

function peerOf(listener: PeerListener | undefined, call: { getPeer(): string }): PeerConnection {
  const peer = listener?.peerOf(call);
  if (!peer) throw new MandateError('E_PEER_GONE');
  if (peer.refusal) throw peer.refusal;
  return peer;
}

async function deviceOf(parts: ServerParts, hello: NodeHello): Promise<DeviceRow> {
  const { reader, clock, random, lineage } = parts;
  const clip = (text: string) => text.slice(0, 256);
  const nowMs = clock.nowMs();
  const known = await reader.device(clip(hello.machineId));
  const device: DeviceRow = {
    id: known?.id ?? newId(random, nowMs),
    machineId: clip(hello.machineId),
    hostname: clip(hello.hostname),
    os: clip(hello.os),
    kernel: clip(hello.kernel),
    assurance: 'declared',
    firstSeenAtMs: nowMs,
  };
  if (known) return device;
  const event = eventRow(
    { id: newId(random, nowMs), kind: 'device-seen', atMs: nowMs, reference: null, code: null, agentId: null, processKey: null },
    { deviceId: device.id, assurance: device.assurance, os: device.os, kernel: device.kernel },
  );
  await lineage.append({ fact: { event }, devices: [device] });
  return device;
}

function statusNotes(layout: Layout, standing: Standing): string[] {
  if (layout.mode === 'own-user')
    return ['The issuer runs under the same user as your agents: at most `observed` (mandate help separation).'];
  return standing.separated ? [] : ['You are root: nothing separates the issuer from what you start (mandate help separation).'];
}
