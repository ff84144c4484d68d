import { chmodSync, chownSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { FromChild, Limits, Supervised } from '../domain/child-protocol';
import { asMandateError, MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Clock, Log, Random } from '../domain/ports';
import { Child } from './child';
import { type InstallationFile, openInstallation } from './installation';
import { type Account, foreignProcesses } from './issuer-accounts';
import { lockHolder, lockState } from './lock';

/** How long leftovers of a killed predecessor may take to notice that they are alone. */
const LEFTOVER_MS = 4_000;
const LEFTOVER_POLL_MS = 50;
const FIRST_REOPEN_MS = 250;
const LONGEST_REOPEN_MS = 4_000;
const BUNDLE_PATH = '/bundle';

/** The database as the supervisor sees it; wired to the embedded cluster or to another server. */
export interface RunningDatabase {
  /** Of the server role, with its password. */
  readonly url: string;
  readonly detail: string;
  readonly pid: number | null;
  readonly uid: number | null;
  /** Resolves when it ended without being asked; never where it is not ours. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface SupervisorParts {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly program: { readonly node: string; readonly main: string };
  readonly uid: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the supervisor itself writes, once the folder is there. */
  readonly openLog: (file: string) => Log;
  readonly limits: (layout: Layout) => Limits;
  /** Starts or reaches the database and brings its schema up to date. */
  readonly openDatabase: (
    options: StartOptions,
    account: Account | undefined,
    clientsGid: number | undefined,
    log: Log,
  ) => Promise<RunningDatabase>;
}

export interface StartOptions {
  readonly layout: Layout;
  readonly databaseUrl: string | undefined;
  readonly ownerUrl: string | undefined;
}

export type Step = 'installation' | 'database' | 'authority' | 'node' | 'rule' | 'server';

export interface StepEvent {
  readonly step: Step;
  readonly state: 'running' | 'done' | 'failed' | 'restarted';
  readonly detail: string;
  readonly ms: number;
}

export interface Ready {
  readonly trustDomain: string;
  readonly workloadApi: string;
  readonly bundleUrl: string;
  readonly separated: boolean;
  readonly ms: number;
}

export interface Running {
  readonly ready: Ready;
  readonly ended: Promise<void>;
  stop(): void;
}

/** Starts and ends the three parts of one installation. */
export class Supervisor {
  constructor(private readonly parts: SupervisorParts) {}

  holder(layout: Layout): { readonly pid: number } | undefined {
    return lockHolder(layout.lockFile);
  }

  openLog(layout: Layout): number {
    this.#folders(layout, undefined);
    return openSync(`${layout.logs}/up.log`, 'a', 0o600);
  }

  async start(options: StartOptions, onEvent: (event: StepEvent) => void, abort: AbortSignal): Promise<Running> {
    const aborted = new Promise<never>((_, reject) => {
      abort.addEventListener('abort', () => reject(new MandateError('E_CHILD_FAILED', { why: 'it was told to end before it was ready' })), {
        once: true,
      });
    });
    aborted.catch(() => undefined);
    this.#folders(options.layout, undefined);
    const unlock = lockState(options.layout.lockFile);
    const run = new Run(this.parts, options, onEvent);
    try {
      return await Promise.race([run.start((accounts) => this.#folders(options.layout, accounts), unlock), aborted]);
    } catch (thrown) {
      await run.stopAll();
      unlock();
      throw asMandateError(thrown);
    }
  }

  /** State belongs to whoever starts us; each part gets the folder it alone writes to. */
  #folders(layout: Layout, accounts: InstallationFile['accounts'] | undefined): void {
    const installed = layout.mode === 'installed';
    const made = process.umask(0o022);
    try {
      mkdirSync(layout.state, { recursive: true, mode: installed ? 0o711 : 0o700 });
      mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
      if (accounts === undefined) return;
      mkdirSync(layout.run, { recursive: true, mode: installed ? 0o755 : 0o700 });
      const give = (path: string, mode: number, owner: Account | undefined) => {
        mkdirSync(path, { recursive: true, mode });
        if (owner) chownSync(path, owner.uid, owner.gid);
        chmodSync(path, mode);
      };
      give(`${layout.state}/server`, 0o700, accounts?.server);
      give(layout.keys, 0o700, accounts?.server);
      give(`${layout.run}/link`, 0o700, accounts?.server);
      give(`${layout.run}/admin`, installed ? 0o755 : 0o700, accounts?.server);
    } finally {
      process.umask(made);
    }
  }
}

class Run {
  #database: RunningDatabase | undefined;
  /** The start of the database that is under way, or the last one. */
  #opening: Promise<unknown> = Promise.resolve();
  /** The database that runs; while it is down, the one that will. */
  #running: Promise<RunningDatabase> | undefined;
  #server: Child | undefined;
  #node: Child | undefined;
  #nodeKey: string | undefined;
  #stopping: Promise<void> | undefined;
  readonly #log: Log;
  #end: (error?: Error) => void = () => undefined;
  readonly #ended: Promise<void>;

  constructor(
    private readonly parts: SupervisorParts,
    private readonly options: StartOptions,
    private readonly onEvent: (event: StepEvent) => void,
  ) {
    this.#log = parts.openLog(`${options.layout.logs}/supervisor.log`);
    this.#ended = new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
    this.#ended.catch(() => undefined);
  }

  async start(folders: (accounts: InstallationFile['accounts']) => void, unlock: () => void): Promise<Running> {
    const { parts, options } = this;
    const { layout } = options;
    const began = parts.clock.monotonicMs();
    const { installation } = await openInstallation(layout, hostname(), parts.clock, parts.random);
    this.#event('installation', 'done', installation.trustDomain, began);
    folders(installation.accounts);
    if (installation.accounts) await this.#ownAccounts(installation);

    // Node's start costs more than PostgreSQL's: the server loads its code meanwhile, and gets its secrets once it dropped its uid.
    let databaseOpen: (database: RunningDatabase) => void = () => undefined;
    this.#running = new Promise((resolve) => {
      databaseOpen = resolve;
    });
    const server = this.#startServer(installation);
    server.catch(() => undefined);
    const database = await this.#step('database', async () => {
      const running = await this.#openDatabase(installation);
      return { value: running, detail: running.detail };
    });
    databaseOpen(database);
    await server;
    await this.#step('node', async () => {
      await this.#startNode();
      return {
        value: undefined,
        detail: this.parts.uid === 0 ? 'socket ready, attests processes of every user' : 'socket ready, attests processes of its own user',
      };
    });

    for (const child of [this.#server, this.#node]) child?.givenUp.catch((error: unknown) => this.#fail(error));
    void this.#ended.then(unlock, unlock);
    const ready: Ready = {
      trustDomain: installation.trustDomain,
      workloadApi: `unix://${layout.agentSocket}`,
      bundleUrl: `https://localhost:${installation.httpsPort}${BUNDLE_PATH}`,
      separated: installation.accounts !== null,
      ms: Math.round(parts.clock.monotonicMs() - began),
    };
    return { ready, ended: this.#ended, stop: () => void this.#finish() };
  }

  /** Refuses uids that somebody else runs under; our own leftovers get a moment to end. */
  async #ownAccounts({ accounts }: InstallationFile): Promise<void> {
    if (!accounts) return;
    const { clock } = this.parts;
    const until = clock.monotonicMs() + LEFTOVER_MS;
    for (;;) {
      const postmasters = new Set<number>();
      const foreign = foreignProcesses(accounts, (pid, ppid) => {
        const ours = isPostmasterOf(pid, this.options.layout) || postmasters.has(ppid) || isPostmasterOf(ppid, this.options.layout);
        if (ours) postmasters.add(pid);
        return ours;
      });
      if (foreign.length === 0) return;
      if (clock.monotonicMs() > until) {
        throw new MandateError('E_UID_IN_USE', {
          saw: `pid ${foreign.slice(0, 5).join(', ')} under uid ${accounts.server.uid} or ${accounts.database.uid}`,
          fix: 'end it, or give mandate accounts of its own (mandate, mandate-db)',
        });
      }
      await new Promise<void>((resolve) => clock.after(LEFTOVER_POLL_MS, resolve));
    }
  }

  async #openDatabase(installation: InstallationFile): Promise<RunningDatabase> {
    const { accounts } = installation;
    const opening = this.parts.openDatabase(this.options, accounts?.database, accounts?.server.gid, this.#log);
    this.#opening = opening.then((database) => (this.#database = database));
    this.#opening.catch(() => undefined);
    const database = await opening;
    void database.ended.then((reason) => {
      if (this.#stopping || this.#database !== database) return;
      this.#log.warn({ reason }, 'database ended');
      this.#event('database', 'restarted', reason, this.parts.clock.monotonicMs());
      this.#running = this.#reopenDatabase(installation);
      this.#running.then(
        () => this.#tellSupervised(),
        () => undefined, // only when everything ends
      );
    });
    return database;
  }

  /** Once it ran, what keeps it from running (a full disk, say) may pass: it is tried until then, and agents keep what they hold. */
  async #reopenDatabase(installation: InstallationFile): Promise<RunningDatabase> {
    const began = this.parts.clock.monotonicMs();
    for (let delayMs = FIRST_REOPEN_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_REOPEN_MS)) {
      try {
        const database = await this.#openDatabase(installation);
        this.#event('database', 'done', 'runs again', began);
        return database;
      } catch (thrown) {
        const error = asMandateError(thrown);
        if (this.#stopping) throw error;
        this.#log.error({ err: error, cause: error.cause, code: error.code }, 'database did not start again');
        // The log may lie on the same full disk.
        if (delayMs === FIRST_REOPEN_MS) this.#event('database', 'failed', `did not start (${error.code}); tried until it does`, began);
      }
      await new Promise<void>((resolve) => this.parts.clock.after(delayMs, resolve));
    }
  }

  async #startServer(installation: InstallationFile): Promise<void> {
    const { layout } = this.options;
    const { accounts } = installation;
    const child = this.#child(
      'server',
      accounts ? [String(accounts.server.uid), String(accounts.server.gid)] : [],
      () => undefined,
      (message, send) => {
        if (message.type === 'loaded') {
          // Without a database it could only fail, and failed starts are counted.
          void this.#running?.then((database) => {
            const start = {
              layout,
              version: this.parts.version,
              trustDomain: installation.trustDomain,
              installationId: installation.id,
              httpsPort: installation.httpsPort,
              healthPort: installation.healthPort,
              hostname: hostname(),
              databaseUrl: database.url,
              databaseDetail: database.detail,
              limits: this.parts.limits(layout),
            };
            send({ type: 'start', start });
            if (this.#nodeKey !== undefined) send({ type: 'node', key: this.#nodeKey });
          });
        } else if (message.type === 'step') {
          this.onEvent({ step: message.step, state: 'done', detail: message.detail, ms: message.ms });
        } else if (message.type === 'ready') {
          this.#tellSupervised();
        } else if (message.type === 'shutdown') {
          void this.#finish();
        }
      },
    );
    this.#server = child;
    await child.start();
  }

  async #startNode(): Promise<void> {
    const { layout } = this.options;
    const child = this.#child(
      'node',
      [],
      ({ key }) => {
        this.#nodeKey = key;
        this.#server?.send({ type: 'node', key });
      },
      (message, send) => {
        if (message.type === 'loaded') send({ type: 'start', start: { layout, version: this.parts.version } });
        else if (message.type === 'ready') this.#tellSupervised();
      },
    );
    this.#node = child;
    await child.start();
  }

  #child(
    name: 'server' | 'node',
    args: readonly string[],
    spawned: (child: { key: string }) => void,
    message: (message: FromChild, send: (message: object) => void) => void,
  ): Child {
    // Told to end while it was starting: nothing more is begun.
    if (this.#stopping) throw new MandateError('E_CHILD_FAILED', { why: 'it was told to end before it was ready' });
    const { parts, options } = this;
    return new Child({
      name,
      program: parts.program.node,
      args: [...nodeFlags(name), parts.program.main, `internal-${name}`, ...args],
      env: parts.env,
      openLog: () => openSync(`${options.layout.logs}/${name}.log`, 'a', 0o600),
      spawned,
      message,
      restarted: (reason) => this.#event(name === 'server' ? 'server' : 'node', 'restarted', reason, parts.clock.monotonicMs()),
      clock: parts.clock,
      log: this.#log,
    });
  }

  #tellSupervised(): void {
    const uid = this.parts.uid;
    const parts: Supervised[] = [
      { name: 'server', pid: this.#server?.pid ?? null, uid: null },
      { name: 'node', pid: this.#node?.pid ?? null, uid },
      { name: 'database', pid: this.#database?.pid ?? null, uid: this.#database?.uid ?? null },
    ];
    this.#server?.send({ type: 'supervised', parts });
  }

  async #step<T>(step: Step, work: () => Promise<{ value: T; detail: string }>): Promise<T> {
    const began = this.parts.clock.monotonicMs();
    this.onEvent({ step, state: 'running', detail: '', ms: 0 });
    try {
      const { value, detail } = await work();
      this.#event(step, 'done', detail, began);
      return value;
    } catch (thrown) {
      this.#event(step, 'failed', asMandateError(thrown).message, began);
      throw thrown;
    }
  }

  #event(step: Step, state: StepEvent['state'], detail: string, began: number): void {
    this.onEvent({ step, state, detail, ms: Math.round(this.parts.clock.monotonicMs() - began) });
  }

  #fail(thrown: unknown): void {
    if (this.#stopping) return;
    const error = asMandateError(thrown);
    this.#log.error({ err: error, code: error.code }, 'a part was given up on');
    void this.stopAll().then(() => this.#end(error));
  }

  #finish(): Promise<void> {
    return this.stopAll().then(() => this.#end());
  }

  /** Those who use come before those who are used: the node, the server, the database. */
  stopAll(): Promise<void> {
    this.#stopping ??= (async () => {
      await this.#node?.stop();
      await this.#server?.stop();
      await this.#opening.catch(() => undefined); // one that only just starts would outlive us
      await this.#database?.stop();
    })();
    return this.#stopping;
  }
}

/**
 * Node opens a debugger on SIGUSR1 unless told not to; versions that know the flag close the window of their own start as well. A small
 * young generation costs the server more and shorter collections, and saves it 25 MB at rest.
 */
const nodeFlags = (name: 'server' | 'node'): string[] => [
  ...(process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : []),
  ...(name === 'server' ? ['--max-semi-space-size=2'] : []),
];

/** A postmaster that serves this installation's data folder, by its own pid file. */
function isPostmasterOf(pid: number, layout: Layout): boolean {
  try {
    return pid > 1 && Number(readFileSync(`${layout.database}/data/postmaster.pid`, 'utf8').split('\n', 1)[0]) === pid;
  } catch {
    return false;
  }
}
