import { asMandateError, MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import type { Progress } from './progress';

const FIRST_REOPEN_MS = 250;
const LONGEST_REOPEN_MS = 4_000;

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

export interface DatabaseLifeParts {
  /** Starts or reaches the database and brings its schema up to date. */
  readonly open: () => Promise<RunningDatabase>;
  /** It runs again after it had ended. */
  readonly reopened: () => void;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly log: Log;
}

/** The database from its first start to the end of everything. What ends without being asked is opened again until it runs. */
export class DatabaseLife {
  #database: RunningDatabase | undefined;
  /** The opening that is under way, or the last one. */
  #opening: Promise<unknown> = Promise.resolve();
  /** The database that runs; while it is down, the one that will. Rejects only when everything ends. */
  #running: Promise<RunningDatabase>;
  #firstOpened: (database: RunningDatabase) => void = () => undefined;
  #ending = false;

  constructor(private readonly parts: DatabaseLifeParts) {
    this.#running = new Promise((resolve) => {
      this.#firstOpened = resolve;
    });
  }

  /** The last one that was opened. */
  get database(): RunningDatabase | undefined {
    return this.#database;
  }

  /** The first start; what keeps it from starting is the caller's to tell. */
  async open(): Promise<RunningDatabase> {
    const database = await this.#open();
    this.#firstOpened(database);
    return database;
  }

  /** Calls `use` with the database once it runs: at once, or after it was opened again; never once everything ends. */
  whenRunning(use: (database: RunningDatabase) => void): void {
    this.#running.then(use, () => undefined);
  }

  async #open(): Promise<RunningDatabase> {
    const opening = this.parts.open();
    this.#opening = opening.then((database) => (this.#database = database));
    this.#opening.catch(() => undefined);
    const database = await opening;
    void database.ended.then((reason) => this.#ended(database, reason));
    return database;
  }

  #ended(database: RunningDatabase, reason: string): void {
    if (this.#ending || this.#database !== database) return;
    this.parts.log.warn({ reason }, 'database ended');
    this.parts.progress.say('database', 'restarted', reason);
    this.#running = this.#reopen();
    this.whenRunning(() => this.parts.reopened());
  }

  /** Once it ran, what keeps it from running (a full disk, say) may pass: it is tried until then, and agents keep what they hold. */
  async #reopen(): Promise<RunningDatabase> {
    const { clock, log, progress } = this.parts;
    const beganMs = clock.monotonicMs();
    for (let delayMs = FIRST_REOPEN_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_REOPEN_MS)) {
      try {
        const database = await this.#open();
        progress.say('database', 'done', 'runs again', beganMs);
        return database;
      } catch (thrown) {
        const error = asMandateError(thrown);
        if (this.#ending) throw error;
        log.error({ err: error, cause: error.cause, code: error.code }, 'database did not start again');
        // The log may lie on the same full disk.
        if (delayMs === FIRST_REOPEN_MS) progress.say('database', 'failed', `did not start (${error.code}); tried until it does`, beganMs);
      }
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      // What is started now nobody would end.
      if (this.#ending) throw new MandateError('E_DB_DOWN');
    }
  }

  /** Everything ends: whatever ends from now on stays ended. */
  leaveEnded(): void {
    this.#ending = true;
  }

  async stop(): Promise<void> {
    this.leaveEnded();
    await this.#opening.catch(() => undefined); // one that only just starts would outlive us
    await this.#database?.stop();
  }
}
