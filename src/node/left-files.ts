import { spawn } from 'node:child_process';
import type { Clock, Log } from '../domain/ports';
import type { KeeperProgram } from './keepers';

/** A folder of the user's may be served by the user, and keep whoever looks at it waiting. */
const PATIENCE_MS = 10_000;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Has the files removed that writers of `run --files` left (entry/files.ts): one that is killed cannot do it. A process under the uid of their
 * owner does it, one at a time; a writer that ended in order costs the same look, since its end does not say how it came.
 */
export class LeftFiles {
  readonly #waiting = new Map<number, Owner>();
  #running = false;
  #warned = false;

  constructor(
    private readonly program: KeeperProgram,
    private readonly ownUid: number,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** A writer of this user has ended. */
  ended({ uid, gid }: Owner): void {
    this.#waiting.set(uid, { uid, gid });
    this.#next();
  }

  #next(): void {
    const [next] = this.#waiting.values();
    if (this.#running || next === undefined) return;
    this.#waiting.delete(next.uid);
    this.#running = true;
    const done = (): void => {
      if (!this.#running) return;
      this.#running = false;
      this.#next();
    };
    this.#remove(next, done);
  }

  #remove({ uid, gid }: Owner, done: () => void): void {
    const { program, clock, log } = this;
    const child = spawn(program.node, [program.main, 'internal-files-left'], {
      stdio: 'ignore',
      env: {},
      cwd: '/',
      ...(this.ownUid === 0 && { uid, gid }),
    });
    const stopTimer = clock.after(PATIENCE_MS, () => child.kill('SIGKILL'));
    child.once('error', (error) => {
      stopTimer();
      // Once: where the node may not become another user, it never may.
      if (!this.#warned) log.warn({ error: error.message, uid }, 'files of a writer that ended were not looked for');
      this.#warned = true;
      done();
    });
    child.once('exit', () => {
      stopTimer();
      done();
    });
  }
}
