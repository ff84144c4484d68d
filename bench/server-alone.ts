import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import type { FromChild, ServerStart } from '../src/domain/child-protocol';
import { defaultConfig } from '../src/domain/config';
import { type Layout, layoutOf } from '../src/domain/layout';
import type { Log } from '../src/domain/ports';
import { loadRules } from '../src/domain/rule-file';
import { newId } from '../src/domain/ids';
import { type Cluster, startCluster } from '../src/lineage/cluster';
import { openLineage } from '../src/lineage/lineage';
import { migrate } from '../src/lineage/migrate';
import { systemClock } from '../src/system/clock';
import { pidfdOpen } from '../src/system/pidfd';
import { processKey } from '../src/system/process-key';
import { systemRandom } from '../src/system/random';

const MAIN = path.join(__dirname, '../src/main.js');
/** Under root PostgreSQL needs a uid of its own. */
const DATABASE_ACCOUNT = { uid: 54321, gid: 54321 };

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface ServerAlone {
  readonly layout: Layout;
  readonly pid: number;
  readonly postmaster: number;
  end(): Promise<void>;
}

/** A real server child and a real PostgreSQL, started as the supervisor does; this process is announced as the node. */
export async function startServerAlone(rules: string): Promise<ServerAlone> {
  const home = mkdtempSync(path.join(tmpdir(), 'b-'));
  chmodSync(home, 0o711);
  const layout = layoutOf({ uid: 1, state: path.join(home, 's'), home, xdgStateHome: undefined, xdgRuntimeDir: undefined });
  for (const folder of [layout.state, layout.run]) mkdirSync(folder, { mode: 0o711 });
  for (const folder of [layout.logs, `${layout.state}/server`, layout.keys, `${layout.run}/link`, `${layout.run}/admin`])
    mkdirSync(folder, { mode: 0o700 });
  let cluster: Cluster | undefined;
  let child: ChildProcess | undefined;
  const end = async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child!.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    await cluster?.stop();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    cluster = await startCluster({
      layout,
      ...(process.getuid!() === 0 && { as: DATABASE_ACCOUNT }),
      random: systemRandom,
      clock: systemClock,
      log: silent,
    });
    await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
    const lineage = await openLineage({ url: cluster.urls.server, clock: systemClock, log: silent });
    const refuse = () => {
      throw new Error('these rules name no file');
    };
    const loaded = loadRules([{ file: 'bench', text: rules, readFile: refuse }]);
    await lineage.rules.apply(loaded, 'bench', systemClock.nowMs());
    await lineage.close();
    const start: ServerStart = {
      layout,
      version: '0.0.0',
      trustDomain: 'bench.mandate.internal',
      installationId: newId(systemRandom, systemClock.nowMs()),
      httpsPort: await freePort(),
      healthPort: await freePort(),
      hostname: hostname(),
      databaseUrl: cluster.urls.server,
      keySecrets: [],
      databaseDetail: 'PostgreSQL',
      limits: { jwtPerMinute: 1e9 },
      config: defaultConfig().config,
    };
    child = await startChild(start);
    return { layout, pid: child.pid!, postmaster: cluster.pid, end };
  } catch (error) {
    await end();
    throw error;
  }
}

function startChild(start: ServerStart): Promise<ChildProcess> {
  const log = openSync(`${start.layout.logs}/server.log`, 'a', 0o600);
  const child = spawn(process.execPath, [MAIN, 'internal-server'], {
    stdio: ['ignore', log, log, 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    cwd: '/',
    detached: true,
  });
  closeSync(log);
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) =>
      reject(new Error(`server ended: ${signal ?? code}\n${readFileSync(`${start.layout.logs}/server.log`, 'utf8')}`)),
    );
    child.on('message', (message: FromChild) => {
      if (message.type === 'loaded') {
        child.send({ type: 'start', start });
        child.send({ type: 'node', key: ownKey() });
      } else if (message.type === 'ready') resolve(child);
      else if (message.type === 'failed') reject(new Error(`server failed: ${message.code} ${JSON.stringify(message.explanation)}`));
    });
  });
}

function ownKey(): string {
  const pidfd = pidfdOpen(process.pid);
  try {
    return processKey(pidfd, process.pid, () => '');
  } finally {
    closeSync(pidfd);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
