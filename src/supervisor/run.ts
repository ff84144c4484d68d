import { hostname } from 'node:os';
import { bundleUrl } from '../domain/bundle';
import type { Config } from '../domain/config';
import { asMandateError, MandateError } from '../domain/errors';
import type { Log, Random } from '../domain/ports';
import type { DatabaseChoice, RunningService, StartChoice, UpEvent } from '../domain/up';
import { loadConfig } from '../system/config-file';
import { Children, type ChildrenSettings } from './children';
import { DatabaseLife, type RunningDatabase } from './database-life';
import { type InstallationFile, openInstallation } from './installation';
import type { Account } from './issuer-accounts';
import { KeySecrets } from './key-secrets';
import { accountsToOurselves } from './own-accounts';
import { Progress } from './progress';
import { givePartsTheirFolders } from './state-folders';

export interface RunParts extends ChildrenSettings {
  readonly random: Random;
  /** Where the supervisor itself writes, once the folder is there. */
  readonly openLog: (file: string) => Log;
  /** Starts or reaches the database and brings its schema up to date. */
  readonly openDatabase: (
    choice: DatabaseChoice,
    account: Account | undefined,
    clientsGid: number | undefined,
    log: Log,
  ) => Promise<RunningDatabase>;
}

/** One `up`, from its first step to the end of everything. */
export class Run {
  readonly #keySecrets: KeySecrets;
  #database: DatabaseLife | undefined;
  #children: Children | undefined;
  #stopping: Promise<void> | undefined;
  #end: (error?: Error) => void = () => undefined;
  readonly #ended: Promise<void>;
  readonly #log: Log;
  readonly #progress: Progress;

  constructor(
    private readonly parts: RunParts,
    private readonly choice: StartChoice,
    onEvent: (event: UpEvent) => void,
  ) {
    this.#log = parts.openLog(`${choice.layout.logs}/supervisor.log`);
    this.#progress = new Progress(parts.clock, onEvent);
    this.#keySecrets = new KeySecrets(choice.keySecret);
    this.#ended = new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
    this.#ended.catch(() => undefined);
  }

  /** The story of a start, top to bottom. */
  async start(): Promise<RunningService> {
    const { clock, random, uid } = this.parts;
    const { layout } = this.choice;
    const beganMs = clock.monotonicMs();
    const { config } = loadConfig(this.choice.config);
    const { installation } = await openInstallation(layout, hostname(), clock, random);
    const { accounts } = installation;
    this.#progress.say('installation', 'done', installation.trustDomain, beganMs);
    givePartsTheirFolders(layout, accounts);
    if (accounts) await accountsToOurselves(accounts, layout, clock);

    const database = this.#databaseOf(installation);
    const children = this.#childrenOf(installation, config, database);
    // Node's start costs more than PostgreSQL's: the server loads its code meanwhile, and gets its secrets once it dropped its uid.
    const server = children.startServer();
    server.catch(() => undefined);
    await this.#progress.step(
      'database',
      () => database.open(),
      ({ detail }) => detail,
    );
    await server;
    await this.#progress.step(
      'node',
      () => children.startNode(),
      () => (uid === 0 ? 'socket ready, attests processes of every user' : 'socket ready, attests processes of its own user'),
    );

    children.onGivenUp((error) => this.#fail(error));
    return {
      ready: {
        trustDomain: installation.trustDomain,
        workloadApi: `unix://${layout.agentSocket}`,
        bundleUrl: bundleUrl(installation.httpsPort, config.publish.address),
        separated: accounts !== null,
        ms: Math.round(clock.monotonicMs() - beganMs),
      },
      ended: this.#ended,
      stop: () => this.#finish(),
    };
  }

  #databaseOf({ accounts }: InstallationFile): DatabaseLife {
    this.#refuseOnceEnding();
    const { openDatabase, clock } = this.parts;
    this.#database = new DatabaseLife({
      open: () => openDatabase(this.choice, accounts?.database, accounts?.server.gid, this.#log),
      reopened: () => this.#children?.tellSupervised(),
      progress: this.#progress,
      clock,
      log: this.#log,
    });
    return this.#database;
  }

  #childrenOf(installation: InstallationFile, config: Config, database: DatabaseLife): Children {
    this.#children = new Children({
      ...this.parts,
      layout: this.choice.layout,
      installation,
      config,
      database,
      keySecrets: this.#keySecrets,
      shutdown: () => this.#finish(),
      progress: this.#progress,
      log: this.#log,
    });
    return this.#children;
  }

  /** Told to end while it was starting: nothing more is begun. */
  #refuseOnceEnding(): void {
    if (this.#stopping) throw new MandateError('E_CHILD_FAILED', { why: 'it was told to end before it was ready' });
  }

  #fail(thrown: unknown): void {
    if (this.#stopping) return;
    const error = asMandateError(thrown);
    this.#log.error({ err: error, code: error.code }, 'a part was given up on');
    void this.stopAll().then(() => this.#end(error));
  }

  #finish(): void {
    void this.stopAll().then(() => this.#end());
  }

  /** Those who use come before those who are used: the node, the server, the database. */
  stopAll(): Promise<void> {
    this.#stopping ??= (async () => {
      this.#database?.leaveEnded();
      await this.#children?.stop();
      await this.#database?.stop();
      this.#keySecrets.wipe();
    })();
    return this.#stopping;
  }
}
