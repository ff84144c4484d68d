import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { FromChild } from '../domain/child-protocol';
import { type ErrorCode, MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import { pidfdOpen } from '../system/pidfd';
import { processKey } from '../system/process-key';

/** A child that dies this often in a row before it is ready will not get better by itself. */
const MAX_FAILED_STARTS = 5;
/** Failures of a start that another start cannot mend. */
const FINAL: readonly ErrorCode[] = ['E_KEY_SEALED', 'E_KEY_PASSPHRASE'];
/** A child that is not ready by then is taken for dead. */
const READY_TIMEOUT_MS = 30_000;
/** Asked to end, a child gets this long before it is killed; everything together ends within five seconds. */
const STOP_TIMEOUT_MS = 2_500;

/** What a child may see of our environment: nothing that changes how its interpreter or loader works. */
const ENVIRONMENT = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'HOME', 'MANDATE_LOG'] as const;

export interface ChildPlan {
  readonly name: 'server' | 'node';
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opens where its output goes; closed here after the spawn. */
  readonly openLog: () => number;
  /** The pinned key is known before anything else of the child is trusted. */
  readonly spawned: (child: { readonly pid: number; readonly key: string; send(message: object): void }) => void;
  readonly message: (message: FromChild, send: (message: object) => void) => void;
  /** Ended after it was ready; it is started again already. */
  readonly restarted: (reason: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** One supervised process: started again at once when it ends after it was ready, given up on when it never gets there. */
export class Child {
  #process: ChildProcess | undefined;
  #ready = false;
  #stopping = false;
  #failedStarts = 0;
  #failure: MandateError | undefined;
  readonly #firstReady: Promise<void>;
  #resolveReady: () => void = () => undefined;
  #rejectReady: (error: MandateError) => void = () => undefined;
  /** Rejects when the child is given up on after it once was ready. */
  readonly givenUp: Promise<never>;
  #giveUp: (error: MandateError) => void = () => undefined;

  constructor(private readonly plan: ChildPlan) {
    this.#firstReady = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.#firstReady.catch(() => undefined);
    this.givenUp = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    this.givenUp.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): Promise<void> {
    this.#spawn();
    return this.#firstReady;
  }

  send(message: object): void {
    if (this.#process?.connected === true) this.#process.send(message, () => undefined);
  }

  #spawn(): void {
    const { plan } = this;
    const log = plan.openLog();
    const env = Object.fromEntries(ENVIRONMENT.flatMap((name) => (plan.env[name] === undefined ? [] : [[name, plan.env[name]]])));
    const child = spawn(plan.program, [...plan.args], { stdio: ['ignore', log, log, 'ipc'], env, cwd: '/', detached: true });
    closeSync(log);
    this.#process = child;
    this.#ready = false;
    const { pid } = child;
    child.on('error', (error) => this.#ended(child, error.message));
    child.on('exit', (code, signal) => this.#ended(child, signal ?? `exit status ${code}`));
    if (pid === undefined) return;
    child.on('message', (message) => this.#received(message as FromChild));
    // Not reaped yet, so the pid cannot mean another process.
    const pidfd = pidfdOpen(pid);
    const key = processKey(pidfd, pid, () => '');
    closeSync(pidfd);
    plan.clock.after(READY_TIMEOUT_MS, () => {
      if (this.#process === child && !this.#ready) child.kill('SIGKILL');
    });
    plan.spawned({ pid, key, send: (message) => this.send(message) });
  }

  #received(message: FromChild): void {
    if (message.type === 'ready') {
      this.#ready = true;
      this.#failedStarts = 0;
      this.#resolveReady();
    } else if (message.type === 'failed') {
      this.#failure = new MandateError(message.code, message.explanation);
    }
    this.plan.message(message, (answer) => this.send(answer));
  }

  #ended(child: ChildProcess, reason: string): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    const wasReady = this.#ready;
    this.#ready = false;
    if (this.#stopping) return;
    this.plan.log.warn({ part: this.plan.name, reason, wasReady }, 'part ended');
    if (wasReady) this.plan.restarted(reason);
    else if (++this.#failedStarts >= MAX_FAILED_STARTS || (this.#failure && FINAL.includes(this.#failure.code))) {
      const error =
        this.#failure ??
        new MandateError('E_CHILD_FAILED', { saw: `${this.plan.name}: ${reason}, ${MAX_FAILED_STARTS} times`, fix: 'its log says why' });
      this.#rejectReady(error);
      this.#giveUp(error);
      return;
    }
    this.#spawn();
  }

  /** Ends the child: asked first, killed when it does not listen. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const cancel = this.plan.clock.after(STOP_TIMEOUT_MS, () => child.kill('SIGKILL'));
      child.once('exit', () => {
        cancel();
        resolve();
      });
      if (child.connected) child.send({ type: 'stop' }, () => undefined);
      child.kill('SIGTERM');
    });
  }
}
