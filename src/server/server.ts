import { spiffeBundleJson } from '../domain/bundle';
import type { ServerSettings, Supervised } from '../domain/child-protocol';
import { MandateError } from '../domain/errors';
import type { SealableKeys } from '../domain/key-seal';
import type {
  AuthorityStore,
  Clock,
  FederationStore,
  LineageReader,
  LineageWriter,
  Log,
  ManifestStore,
  Random,
  RuleStore,
} from '../domain/ports';
import { rulesAskForRs256 } from '../domain/rule';
import { Health } from '../generated/proto/grpc/health/v1/health_pb';
import { Admin } from '../generated/proto/mandate/v1/admin_pb';
import { NodeLink } from '../generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcesses } from '../system/processes';
import { watchLoopDelay } from '../system/loop-delay';
import type { Readiness } from '../system/readiness';
import { parseBundle } from '../verify/trust-bundle';
import { grpcService } from '../wire/grpc';
import { adminApi } from './admin-api';
import { AuthorityWatch, lookMs, type ServerAuthorities, signingNow } from './authority-watch';
import { type BundleUpdate, bundleUpdate } from './bundle-update';
import { Callers } from './callers';
import { Configuration } from './configuration';
import { Devices } from './devices';
import { Federation } from './federation';
import { lookAround } from './figures';
import { healthService } from './health';
import { publishHealth } from './health-listener';
import { Journal } from './journal';
import { recordManifest } from './manifest-verbs';
import { Manifests } from './manifests';
import type { Metrics } from './metrics';
import { NodeApi } from './node-api';
import { Publication } from './publication';
import { RuleChanges } from './rule-changes';
import { Rules } from './rules';
import type { KeySecretKeeper } from './seal-verb';
import { listenForNode, listenForPeople, type NodeDoor } from './sockets';
import { launchGroups, statusAnswer } from './status';
import { verbHandlers } from './verbs';

export interface ServerParts extends ServerSettings {
  readonly authorities: ServerAuthorities;
  readonly keys: SealableKeys;
  readonly keyKeeper: KeySecretKeeper;
  readonly authorityStore: Pick<AuthorityStore, 'all'>;
  readonly lineage: LineageWriter;
  readonly reader: LineageReader;
  readonly ruleStore: RuleStore;
  readonly manifestStore: ManifestStore;
  readonly federationStore: FederationStore;
  readonly databaseReady: () => Promise<boolean>;
  /** Records that wait for a commit. */
  readonly recordsQueued: () => number;
  readonly metrics: Metrics;
  readonly processes: PinnedProcesses;
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly uidMin: number;
  readonly nodeDoor: NodeDoor;
  /** Asks whoever started us to end everything; undefined where systemd did, which would start it again. */
  readonly shutdown: (() => void) | undefined;
  /** Parts the supervisor knows of: pids and uids. */
  readonly supervised: () => readonly Supervised[];
}

export interface RunningServer {
  readonly rules: Rules;
  close(): Promise<void>;
}

/** Starts the control plane: the link for the node, the admin API, publication and health. Resolves when all of them listen. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { authorities, clock, random, lineage, reader, log, trustDomain, metrics, config } = parts;
  const installed = parts.layout.mode === 'installed';
  const manifests = new Manifests(parts.manifestStore, log);
  await manifests.load();
  const rules = new Rules(parts.ruleStore, trustDomain, manifests, clock, parts.config.authorities);
  await rules.load();
  const configuration = new Configuration({ rules: rules.compiled, ...signingNow(authorities) });

  const update = (): BundleUpdate => bundleUpdate(authorities.bundle(), authorities.soundX509(), federation.bundles);
  const devices = new Devices({
    ...parts,
    jwtPerMinute: parts.limits.jwtPerMinute,
    oidcIssuer: config.oidc.issuer,
    configuration,
    bundle: update,
  });
  const node = new NodeApi({
    admit: (hello) => devices.admit(hello),
    monotonicMs: () => clock.monotonicMs(),
    after: (ms, run) => clock.after(ms, run),
    log,
    metrics,
  });
  const changes = new RuleChanges({ rules, configuration, node, clock });
  const deviceId = () => node.session?.living.device.id ?? devices.any();
  const journal: Journal = new Journal({ lineage, clock, random, log, deviceId, metrics });
  const federation: Federation = new Federation({
    trustDomain,
    store: parts.federationStore,
    journal,
    own: () => parseBundle(Buffer.from(spiffeBundleJson(authorities.bundle())), trustDomain),
    clock,
    random,
    log,
    changed: () => node.tell({ case: 'bundle', value: update() }),
  });
  await federation.start();
  const watch = new AuthorityWatch({
    authorities,
    store: parts.authorityStore,
    journal,
    lookMs: lookMs(parts.config.authorities),
    clock,
    log,
    metrics,
  });

  const publication = await Publication.open(parts);
  const missing = async (): Promise<('database' | 'node')[]> => {
    const database = await parts.databaseReady();
    return [...(database ? [] : (['database'] as const)), ...(node.session ? [] : (['node'] as const))];
  };
  const looked = {
    publication,
    node,
    authorities: () => watch.rows,
    bundle: () => authorities.bundle(),
    recordsQueued: parts.recordsQueued,
    loopDelay: watchLoopDelay(),
    nowMs: () => clock.nowMs(),
  };
  const health = await publishHealth(parts.healthPort, { missing, metrics: () => lookAround(looked).then((seen) => metrics.expose(seen)) });

  const handlers = verbHandlers({
    callers: new Callers({
      node,
      ownUid: process.geteuid?.() ?? -1,
      installed,
      allowScripted: config.admin.allowScripted,
      agentOfKey: (key) => devices.agentOfKey(key),
      refused: (verb, caller, code, agentId) => journal.refusedVerb(verb, caller, code, agentId),
    }),
    node,
    rules,
    ruleStore: parts.ruleStore,
    reader,
    bundle: () => authorities.bundle(),
    authorities: () => watch.rows,
    authorityConfig: parts.config.authorities,
    authorityStanding: () => authorities.standing(),
    orderAuthorities: (order, caller, standing) =>
      watch.order(order, (ordered) =>
        journal.event('authority-ordered', { ...journal.administered(caller, standing), ...ordered }, { processKey: caller.key }),
      ),
    status: async (standing) => statusAnswer(parts, standing, await missing(), launchGroups(node.session), publication.webFault),
    installationId: parts.installationId,
    installed,
    issuerUids: () => parts.supervised().flatMap(({ name, uid }) => (name === 'node' || uid === null ? [] : [uid])),
    deviceId,
    clock,
    random,
    rulesApplied: async (changed, caller, standing) => {
      changes.take();
      watch.askForRs256(rulesAskForRs256(rules.current));
      const versions = changed.map(({ rule, version, contentSha256 }) => ({ name: rule.name, version, contentSha256 }));
      const data = { ...journal.administered(caller, standing), generation: rules.compiled.generation, rules: versions };
      await journal.event('rules-applied', data, { processKey: caller.key });
    },
    federation,
    trustDomain,
    manifests,
    manifestAccepted: async (accepted, before, caller, standing) => {
      rules.recompile();
      changes.take();
      await recordManifest(journal, accepted, before, caller, standing);
    },
    databaseOpened: (verb, caller, standing) =>
      journal.event('database-opened', { ...journal.administered(caller, standing), verb }, { processKey: caller.key }),
    agentStopped: ({ agent, launch }, caller, standing) =>
      journal.event(
        'agent-stopped',
        { ...journal.administered(caller, standing), launchId: launch?.id ?? null },
        { agentId: agent.id, processKey: caller.key },
      ),
    keys: parts.keys,
    keeper: parts.keyKeeper,
    wantedHome: parts.config.keys.home,
    keysSealed: (by, caller, standing) =>
      journal.event('keys-sealed', { ...journal.administered(caller, standing), by }, { processKey: caller.key }),
    shutdown: async (caller, standing) => {
      if (parts.shutdown === undefined) throw new MandateError('E_UNITS', { fix: 'systemctl stop mandate.target' });
      const data = { ...journal.administered(caller, standing), reason: 'asked by an administrator' };
      await journal.event('shutdown', data, { processKey: caller.key });
      parts.shutdown();
    },
  });

  const sockets = { ...parts, journal };
  const link = await listenForNode(
    sockets,
    (peer) => [{ definition: grpcService(NodeLink), implementation: { link: node.handler(peer) } }],
    parts.nodeDoor,
  );
  const people = await listenForPeople(sockets, (peer) => [
    { definition: grpcService(Admin), implementation: adminApi(handlers, peer, log) },
    { definition: grpcService(Health), implementation: healthService([Admin.typeName], missing, clock) },
  ]);

  authorities.onChange(() => {
    configuration.change(signingNow(authorities));
    node.tell({ case: 'bundle', value: update() });
    void publication.renew();
  });
  await watch.start(() => publication.look());
  changes.awaitGrace();

  return {
    rules,
    async close() {
      federation.close();
      watch.close();
      changes.close();
      await Promise.all([people.close(), link.close(), publication.close(), health.close()]);
    },
  };
}
