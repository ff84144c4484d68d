import { closeSync, constants as files, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { isErrorCode, MandateError } from '../domain/errors';
import { type FromLauncher, PASSED_ON, type ToLauncher, type Words } from '../domain/own-uid-protocol';
import type { Clock } from '../domain/ports';
import { errnoOf } from './errno';
import { JsonLines } from './json-lines';
import { memoryFile } from './memory-file';
import { copySize, newTerminal, rawMode } from './pseudo-terminal';
import { streamPair } from './stream-pair';

/** How long what the command wrote last may take to arrive where something it left behind keeps its terminal open. */
const LAST_WORDS_MS = 200;

/** A launcher ignores it from its start on, so that it opens no debugger: without this one that comes early would be lost. */
const IGNORED_SO_FAR = 'SIGUSR1';

/** How a command ended: exactly one of the two is set. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * The launcher's side of a launch under a uid of its own: what the node takes from us, and after its answer everything that a parent in a shell's job
 * does for its command. Where one of our standard streams is a terminal, the command gets another one that we relay: it never holds
 * the user's own, and so types nothing into the user's shell.
 */
export class AttendedLaunch {
  readonly #control: JsonLines<ToLauncher, FromLauncher>;
  readonly #ended: Promise<Ended>;
  readonly #theirs: number;
  readonly #project: number;
  readonly #words: number;
  readonly #tty: number | undefined;
  readonly #terminal: number | undefined;
  #restore: () => void = () => undefined;

  /** Throws E_OWN_UID where the project cannot be opened. */
  constructor(
    project: string,
    words: Words,
    private readonly clock: Clock,
  ) {
    try {
      this.#project = openSync(project, files.O_RDONLY | files.O_DIRECTORY);
    } catch (cause) {
      throw new MandateError('E_OWN_UID', { saw: `${errnoOf(cause)} ${project}`, why: 'the project cannot be opened' }, { cause });
    }
    const [own, theirs] = streamPair();
    this.#theirs = theirs;
    [this.#control, this.#ended] = this.#hear(own);
    // Any other one ends us until we follow, as it does any command that is still starting.
    this.#passOn(IGNORED_SO_FAR);
    this.#words = memoryFile(Buffer.from(JSON.stringify(words)));
    this.#tty = [0, 1, 2].find((fd) => isatty(fd));
    this.#terminal = this.#tty === undefined ? undefined : newTerminal(this.#tty);
  }

  /** Numbers of our descriptors, for the node to take. */
  get descriptors(): { readonly project: number; readonly control: number; readonly words: number; readonly terminal?: number } {
    const terminal = this.#terminal;
    return { project: this.#project, control: this.#theirs, words: this.#words, ...(terminal !== undefined && { terminal }) };
  }

  /** Relays until the command has ended. Rejects with why it could not be executed, or with E_OWN_UID where its keeper is gone. */
  async follow(): Promise<Ended> {
    for (const fd of [this.#theirs, this.#project, this.#words]) closeSync(fd);
    for (const name of PASSED_ON) if (name !== IGNORED_SO_FAR) this.#passOn(name);
    const relayed = this.#relay();
    try {
      const ended = await this.#ended;
      await Promise.race([relayed, new Promise<void>((resolve) => void this.clock.after(LAST_WORDS_MS, resolve))]);
      return ended;
    } finally {
      this.#restore();
    }
  }

  /** The end may be told before we follow: the command runs as soon as the node has answered. */
  #hear(own: number): [JsonLines<ToLauncher, FromLauncher>, Promise<Ended>] {
    let control: JsonLines<ToLauncher, FromLauncher> | undefined;
    const ended = new Promise<Ended>((resolve, reject) => {
      control = new JsonLines(
        own,
        (said) => {
          if ('stopped' in said) this.#stop();
          else if ('failed' in said) {
            const { code, explanation } = said.failed;
            reject(new MandateError(isErrorCode(code) ? code : 'E_OWN_UID', explanation));
          } else resolve({ code: said.exited.code, signal: said.exited.signal as NodeJS.Signals | null });
        },
        () => reject(new MandateError('E_OWN_UID', { why: 'its keeper ended before it; how the command ended is not known' })),
      );
    });
    ended.catch(() => undefined); // where the launch is refused nobody follows
    control!.unref();
    return [control!, ended];
  }

  #passOn(name: (typeof PASSED_ON)[number]): void {
    process.on(name, () => this.#control.tell({ signal: constants.signals[name] }));
  }

  /** The command stopped: so do we, that the shell sees it. What follows runs when the shell continues us. */
  #stop(): void {
    this.#restore();
    process.kill(process.pid, 'SIGSTOP');
    this.#raw();
    this.#resize();
    this.#control.tell({ continue: true });
  }

  /** Resolves when nobody holds the command's end of the terminal any more; at once where there is none. */
  #relay(): Promise<void> {
    if (this.#terminal === undefined) return Promise.resolve();
    const master = new ReadStream(this.#terminal);
    const out = isatty(1) ? process.stdout : isatty(2) ? process.stderr : new WriteStream(openSync('/dev/tty', 'w'));
    master.pipe(out, { end: false });
    if (isatty(0)) {
      this.#raw();
      process.stdin.pipe(master);
    }
    process.on('SIGWINCH', () => this.#resize());
    return new Promise((resolve) => {
      // A terminal that nobody holds is read as an error.
      master.once('error', () => resolve());
      master.once('end', () => resolve());
    });
  }

  #raw(): void {
    if (isatty(0) && this.#terminal !== undefined) this.#restore = rawMode(0);
  }

  #resize(): void {
    if (this.#tty !== undefined && this.#terminal !== undefined) copySize(this.#tty, this.#terminal);
  }
}

/** Ends this process as its command ended, so that whoever waits for us sees the same. Returns where the signal did not end us. */
export function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
