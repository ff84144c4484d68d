import { openAuthorities } from '../authority/authorities';
import { KeyFiles } from '../authority/key-files';
import type { KeyHome } from '../authority/key-home';
import { LocalKeys } from '../authority/local-keys';
import { openKeyHome } from '../authority/open-key-home';
import { openRemoteKeys } from '../authority/open-remote-keys';
import type { SealableFolder } from '../authority/sealable-folder';
import { assertAuthoritiesOutlive, type AuthorityConfig } from '../domain/authority-config';
import type { FromChild, ServerStart, Supervised } from '../domain/child-protocol';
import { MandateError } from '../domain/errors';
import type { SealableKeys } from '../domain/key-seal';
import type { InstallationStore, Log, RuleStore } from '../domain/ports';
import { rulesAskForRs256 } from '../domain/rule';
import { starterRule } from '../domain/starter-rule';
import { openLineage } from '../lineage/lineage';
import { Metrics } from '../server/metrics';
import type { KeySecretKeeper } from '../server/seal-verb';
import { startServer } from '../server/server';
import type { NodeDoor } from '../server/sockets';
import { lowestPersonUid } from '../system/accounts';
import { systemClock } from '../system/clock';
import { PinnedProcesses } from '../system/processes';
import { systemRandom } from '../system/random';
import { releaseMemory } from '../system/release-memory';
import { Readiness } from '../system/readiness';

/** By then what was compiled for the start is thrown away. */
const SETTLED_MS = 2_000;

/** What differs between a server that `up` started and one that systemd did. */
export interface ServerSurroundings {
  readonly nodeDoor: NodeDoor;
  readonly shutdown: (() => void) | undefined;
  readonly supervised: () => readonly Supervised[];
  /** Something of the start is done. */
  readonly step: (step: Step, detail: string, ms: number) => void;
  readonly keyKeeper: KeySecretKeeper;
  /** Which of the secrets of the start opened the keys. */
  readonly keySecretFits: (index: number) => void;
}

type Step = Extract<FromChild, { readonly type: 'step' }>['step'];

/** Wires the control plane and starts it; the process has its uid and is hardened by now. */
export async function runServer(start: ServerStart, around: ServerSurroundings, log: Log): Promise<{ close(): Promise<void> }> {
  const { databaseUrl, keySecrets, ...settings } = start;
  const metrics = new Metrics(settings.version);
  const lineage = await openLineage({ url: databaseUrl, clock: systemClock, log, meter: metrics.commits });
  await sameInstallation(start, lineage.installation);
  const rules = await lineage.rules.current();
  // The configuration may have changed since the rules were applied.
  assertAuthoritiesOutlive(
    rules.map(({ rule }) => rule),
    settings.config.authorities,
  );
  const began = systemClock.monotonicMs();
  const { keys, home } = await keysOf(start, keySecrets, around, log);
  const authorities = await openAuthorities({
    trustDomain: settings.trustDomain,
    settings: authoritySettings(settings.config.authorities),
    store: lineage.authorities,
    keys: home,
    rs256: rulesAskForRs256(rules),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const ms = Math.round(systemClock.monotonicMs() - began);
  around.step('authority', `X.509 and JWT, ECDSA P-256${authorities.rs256() ? ' and RSA 2048' : ''}, ${home.description}`, ms);
  await ensureStarterRule(lineage.rules, settings.config.authorities, around);
  const readiness = new Readiness(log);
  const server = await startServer({
    ...settings,
    authorities,
    keys,
    keyKeeper: around.keyKeeper,
    authorityStore: lineage.authorities,
    lineage: lineage.writer,
    reader: lineage.reader,
    ruleStore: lineage.rules,
    manifestStore: lineage.manifests,
    federationStore: lineage.federation,
    databaseReady: () => lineage.ping(),
    recordsQueued: () => lineage.queued(),
    metrics,
    processes: new PinnedProcesses(readiness),
    readiness,
    clock: systemClock,
    random: systemRandom,
    log,
    uidMin: lowestPersonUid(),
    nodeDoor: around.nodeDoor,
    shutdown: around.shutdown,
    supervised: () =>
      around.supervised().map((part) => (part.name === 'server' ? { ...part, pid: process.pid, uid: process.geteuid?.() ?? null } : part)),
  });
  const stopRelease = systemClock.after(SETTLED_MS, releaseMemory);
  return {
    async close() {
      stopRelease();
      await server.close();
      await lineage.close();
    },
  };
}

/** The authority keys: as an administrator may change how they rest, and as authorities use them. */
interface AuthorityKeys {
  readonly keys: SealableKeys;
  readonly home: KeyHome;
}

async function keysOf(start: ServerStart, secrets: readonly string[], around: ServerSurroundings, log: Log): Promise<AuthorityKeys> {
  const { remote } = start.config.keys;
  const files = new KeyFiles(start.layout.keys);
  if (remote === null) {
    const keys = await openedFolder(files, start, secrets, around, log);
    return { keys, home: new LocalKeys(keys) };
  }
  const keys = await openRemoteKeys({ files, remote, installationId: start.installationId, clock: systemClock, random: systemRandom, log });
  return { keys, home: keys };
}

async function openedFolder(
  files: KeyFiles,
  { config }: ServerStart,
  secrets: readonly string[],
  { keySecretFits }: ServerSurroundings,
  log: Log,
): Promise<SealableFolder> {
  const bytes = secrets.map((secret) => Buffer.from(secret, 'base64'));
  try {
    const { keys, fits } = await openKeyHome({ files, wanted: config.keys.home, secrets: bytes, random: systemRandom, log });
    if (fits !== undefined) keySecretFits(fits);
    return keys;
  } finally {
    for (const secret of bytes) secret.fill(0);
  }
}

/** State folder and database must have been made for each other: keys of one and records of another would give traces that lie. */
async function sameInstallation(start: ServerStart, store: InstallationStore): Promise<void> {
  const wanted = { id: start.installationId, trustDomain: start.trustDomain, createdAtMs: systemClock.nowMs() };
  const found = (await store.read()) ?? (await store.create(wanted));
  if (found.id !== wanted.id || found.trustDomain !== wanted.trustDomain) {
    throw new MandateError('E_STATE_MISMATCH', {
      saw: `the database belongs to ${found.trustDomain}, the state folder to ${wanted.trustDomain}`,
      fix: 'name the state folder or the database that belong together',
    });
  }
}

const authoritySettings = ({ lifetimeSeconds, propagationSeconds, refreshHintSeconds }: AuthorityConfig) => ({
  lifetimeMs: { x509: lifetimeSeconds.x509 * 1000, jwt: lifetimeSeconds.jwt * 1000 },
  propagationMs: propagationSeconds * 1000,
  refreshHintSeconds,
});

/** A new installation lets launches have an identity and nothing else; who changed or disabled the rule is not overruled. */
async function ensureStarterRule(store: RuleStore, authorities: AuthorityConfig, { step }: ServerSurroundings): Promise<void> {
  const began = systemClock.monotonicMs();
  if ((await store.current()).length === 0) {
    const { rule, contentSha256, canonical } = starterRule(authorities);
    await store.apply([{ rule, contentSha256, canonical }], 'mandate', systemClock.nowMs());
  }
  step('rule', '"launched": whatever is started with mandate run', Math.round(systemClock.monotonicMs() - began));
}
