import { openAuthorities } from '../authority/authorities';
import { KeyFolder } from '../authority/key-store';
import { DEFAULT_AUTHORITY_SETTINGS } from '../authority/schedule';
import type { ServerStart, Supervised, ToServer } from '../domain/child-protocol';
import { MandateError } from '../domain/errors';
import type { InstallationStore, RuleStore } from '../domain/ports';
import { starterRule } from '../domain/starter-rule';
import { openLineage } from '../lineage/lineage';
import { startServer } from '../server/server';
import { lowestPersonUid } from '../system/accounts';
import { systemClock } from '../system/clock';
import { harden } from '../system/harden';
import { PinnedProcesses } from '../system/processes';
import { systemRandom } from '../system/random';
import { Readiness } from '../system/readiness';
import { superviseSelf, tell } from './child';
import { jsonLog } from './log';

/**
 * The control plane. As root it gets the uid it is to run under as arguments: all code is loaded by now, so the uid is dropped before the
 * supervisor hands over the first secret and before a socket is opened.
 */
export function serverEntry([uid, gid]: readonly string[]): void {
  if (uid !== undefined && gid !== undefined) dropTo(Number(uid), Number(gid));
  harden();
  const log = jsonLog('server', process.env['MANDATE_LOG']);
  let nodeKey: string | undefined;
  let supervised: readonly Supervised[] = [];
  superviseSelf<ToServer>(
    log,
    ({ start }) => run(start),
    (message) => {
      if (message.type === 'node') nodeKey = message.key;
      if (message.type === 'supervised') supervised = message.parts;
    },
  );
  tell({ type: 'loaded' });

  async function run(start: ServerStart) {
    const { databaseUrl, ...settings } = start;
    const lineage = await openLineage({ url: databaseUrl, clock: systemClock, log });
    await sameInstallation(start, lineage.installation);
    const began = systemClock.monotonicMs();
    const authorities = await openAuthorities({
      trustDomain: settings.trustDomain,
      settings: DEFAULT_AUTHORITY_SETTINGS,
      store: lineage.authorities,
      keys: new KeyFolder(settings.layout.keys),
      clock: systemClock,
      random: systemRandom,
      log,
    });
    const ms = Math.round(systemClock.monotonicMs() - began);
    tell({ type: 'step', step: 'authority', detail: 'X.509 and JWT, ECDSA P-256, keys in 0600 files', ms });
    await ensureStarterRule(lineage.rules);
    const readiness = new Readiness(log);
    const server = await startServer({
      ...settings,
      authorities,
      authorityStore: lineage.authorities,
      lineage: lineage.writer,
      reader: lineage.reader,
      ruleStore: lineage.rules,
      manifestStore: lineage.manifests,
      databaseReady: () => lineage.ping(),
      processes: new PinnedProcesses(readiness),
      readiness,
      clock: systemClock,
      random: systemRandom,
      log,
      uidMin: lowestPersonUid(),
      nodeKey: () => nodeKey,
      shutdown: () => tell({ type: 'shutdown' }),
      supervised: () =>
        supervised.map((part) => (part.name === 'server' ? { ...part, pid: process.pid, uid: process.geteuid?.() ?? null } : part)),
    });
    return {
      async close() {
        await server.close();
        await lineage.close();
      },
    };
  }
}

/** Groups first, then gid, then uid: in any other order something of root's would be left. */
function dropTo(uid: number, gid: number): void {
  if (!process.setgroups || !process.setgid || !process.setuid || uid <= 0 || gid <= 0) throw new MandateError('E_PLATFORM');
  process.setgroups([]);
  process.setgid(gid);
  process.setuid(uid);
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

/** A new installation lets launches have an identity and nothing else; who changed or disabled the rule is not overruled. */
async function ensureStarterRule(store: RuleStore): Promise<void> {
  const began = systemClock.monotonicMs();
  if ((await store.current()).length === 0) {
    const { rule, contentSha256, canonical } = starterRule();
    await store.apply([{ rule, contentSha256, canonical }], 'mandate', systemClock.nowMs());
  }
  tell({
    type: 'step',
    step: 'rule',
    detail: '"launched": whatever is started with mandate run',
    ms: Math.round(systemClock.monotonicMs() - began),
  });
}
