import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Supervised, LIMITS } from '../domain/child-protocol';
import { MAX_SECRET_BYTES, OLD_SEAL_CREDENTIAL, SEAL_CREDENTIAL } from '../domain/key-seal';
import { isNodeUnit } from '../domain/cgroup-text';
import { givenPassword } from '../lineage/secrets';
import { lockState } from '../supervisor/lock';
import { loadConfig } from '../system/config-file';
import { harden } from '../system/harden';
import type { PinnedProcess } from '../system/process-view';
import { roleUrl } from './database';
import { jsonLog } from './log';
import { version } from './root';
import { runServer } from './run-server';
import { credential, credentials, runUnit, unitOf } from './unit';

/** The control plane as systemd starts it: the account is its own from the first instruction on, the password comes as a credential. */
export function serverUnitEntry(): void {
  harden();
  const log = jsonLog('server', process.env['MANDATE_LOG']);
  runUnit(log, async () => {
    const { layout, installation, accounts } = unitOf(({ server }) => server.uid);
    lockState(layout.lockFile);
    const { config } = loadConfig({ path: layout.configFile, named: false });
    const password = givenPassword(credentials(), 'server');
    const ownCgroup = readFileSync('/proc/self/cgroup', 'latin1');
    const parts: readonly Supervised[] = [
      { name: 'server', pid: null, uid: null },
      { name: 'node', pid: null, uid: 0 },
      { name: 'database', pid: null, uid: accounts.database.uid },
    ];
    return runServer(
      {
        layout,
        version: version(),
        trustDomain: installation.trustDomain,
        installationId: installation.id,
        httpsPort: installation.httpsPort,
        healthPort: installation.healthPort,
        hostname: hostname(),
        databaseUrl: roleUrl(layout, 'server', password),
        databaseDetail: 'private PostgreSQL, fsync on',
        limits: LIMITS,
        config,
        keySecrets: keySecrets(),
      },
      {
        nodeDoor: { isNode: (process) => isNode(process, ownCgroup), byGroup: true },
        shutdown: undefined,
        supervised: () => parts,
        step: (step, detail, ms) => log.info({ step, detail, ms }, 'step'),
        // systemd gives the credential at each start; a passphrase it could not.
        keyKeeper: { next: undefined, inForce: () => undefined, credential: sealCredential },
        keySecretFits: () => undefined,
      },
      log,
    );
  });
}

const sealCredential = (): Buffer | undefined => credential(SEAL_CREDENTIAL, MAX_SECRET_BYTES);

/** What may open the keys, the present one first. */
const keySecrets = (): string[] =>
  [sealCredential(), credential(OLD_SEAL_CREDENTIAL, MAX_SECRET_BYTES)].flatMap((secret) => {
    const text = secret?.toString('base64');
    secret?.fill(0);
    return text === undefined ? [] : [text];
  });

/** Root, and where systemd runs in the control group of the node's unit, into which root alone can move a process. */
const isNode = (process: PinnedProcess, ownCgroup: string): boolean => process.uid === 0 && isNodeUnit(process.read('cgroup'), ownCgroup);
