import { hostname } from 'node:os';
import type { Limits, ServerStart, Supervised } from '../domain/child-protocol';
import type { Config } from '../domain/config';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import { MEMORY_FLAGS } from '../domain/node-flags';
import type { Clock, Log } from '../domain/ports';
import { openLogFile } from '../system/log-file';
import { Child, type ChildPlan } from './child';
import type { DatabaseLife, RunningDatabase } from './database-life';
import type { InstallationFile } from './installation';
import type { KeySecrets } from './key-secrets';
import type { Progress } from './progress';

/** What children are started with, whatever the installation. */
export interface ChildrenSettings {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly program: { readonly node: string; readonly main: string };
  readonly uid: number;
  readonly limits: Limits;
  readonly clock: Clock;
}

export interface ChildrenParts extends ChildrenSettings {
  readonly layout: Layout;
  readonly installation: InstallationFile;
  readonly config: Config;
  readonly database: DatabaseLife;
  readonly keySecrets: KeySecrets;
  /** An administrator asked the server to end everything. */
  readonly shutdown: () => void;
  readonly progress: Progress;
  readonly log: Log;
}

/** Server and node of one installation, and what each has to be told of the other parts. */
export class Children {
  #server: Child | undefined;
  #node: Child | undefined;
  /** The node that was started last: no other process may be the server's node. */
  #nodeKey: string | undefined;
  #ending = false;

  constructor(private readonly parts: ChildrenParts) {}

  /** Resolves when the server is ready. As root it is handed the uid to drop to, before anything secret. */
  startServer(): Promise<void> {
    const { accounts } = this.parts.installation;
    const { tell } = this.parts.progress;
    this.#server = this.#child('server', accounts ? [String(accounts.server.uid), String(accounts.server.gid)] : [], {
      spawned: () => undefined,
      message: (message, send) => {
        if (message.type === 'loaded') this.#begin(send);
        else if (message.type === 'step') tell({ step: message.step, state: 'done', detail: message.detail, ms: message.ms });
        else if (message.type === 'ready') this.tellSupervised();
        else if (message.type === 'shutdown') this.parts.shutdown();
        else this.parts.keySecrets.told(message);
      },
    });
    return this.#server.start();
  }

  /** Resolves when the node is ready. */
  startNode(): Promise<void> {
    const { layout, version } = this.parts;
    this.#node = this.#child('node', [], {
      spawned: ({ key }) => {
        this.#nodeKey = key;
        this.#server?.send({ type: 'node', key });
      },
      message: (message, send) => {
        if (message.type === 'loaded') send({ type: 'start', start: { layout, version } });
        else if (message.type === 'ready') this.tellSupervised();
      },
    });
    return this.#node.start();
  }

  /** Calls `tell` when one of them is given up on after it once was ready. */
  onGivenUp(tell: (error: unknown) => void): void {
    for (const child of [this.#server, this.#node]) child?.givenUp.catch(tell);
  }

  /** The server shows people which processes it lives with. */
  tellSupervised(): void {
    const { database } = this.parts.database;
    const parts: Supervised[] = [
      { name: 'server', pid: this.#server?.pid ?? null, uid: null },
      { name: 'node', pid: this.#node?.pid ?? null, uid: this.parts.uid },
      { name: 'database', pid: database?.pid ?? null, uid: database?.uid ?? null },
    ];
    this.#server?.send({ type: 'supervised', parts });
  }

  /** The one who uses comes before the one who is used. */
  async stop(): Promise<void> {
    this.#ending = true;
    await this.#node?.stop();
    await this.#server?.stop();
  }

  /** Without a database the server could only fail, and failed starts are counted. */
  #begin(send: (message: object) => void): void {
    this.parts.database.whenRunning((database) => {
      send({ type: 'start', start: this.#serverStart(database) });
      if (this.#nodeKey !== undefined) send({ type: 'node', key: this.#nodeKey });
    });
  }

  #serverStart({ url, detail }: RunningDatabase): ServerStart {
    const { layout, version, limits, installation, config } = this.parts;
    return {
      layout,
      version,
      trustDomain: installation.trustDomain,
      installationId: installation.id,
      httpsPort: installation.httpsPort,
      healthPort: installation.healthPort,
      hostname: hostname(),
      databaseUrl: url,
      keySecrets: this.parts.keySecrets.handedOver(),
      databaseDetail: detail,
      limits,
      config,
    };
  }

  #child(name: 'server' | 'node', args: readonly string[], hooks: Pick<ChildPlan, 'spawned' | 'message'>): Child {
    // Told to end while it was starting: nothing more is begun.
    if (this.#ending) throw new MandateError('E_CHILD_FAILED', { why: 'it was told to end before it was ready' });
    const { program, env, layout, progress, clock, log } = this.parts;
    return new Child({
      name,
      program: program.node,
      args: [...nodeFlags(name), program.main, `internal-${name}`, ...args],
      env,
      openLog: () => openLogFile(`${layout.logs}/${name}.log`),
      ...hooks,
      restarted: (reason) => progress.say(name, 'restarted', reason),
      clock,
      log,
    });
  }
}

/** Node opens a debugger on SIGUSR1 unless told not to; versions that know the flag close the window of their own start as well. */
const nodeFlags = (name: 'server' | 'node'): string[] => [
  ...(process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : []),
  ...MEMORY_FLAGS[name],
];
