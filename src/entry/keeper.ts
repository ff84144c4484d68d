import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Socket } from 'node:net';
import {
  BECOMING_FD,
  type FromLauncher,
  type FromNode,
  KEEPER_FD,
  type OwnUidPlan,
  PASSED_ON,
  type ToLauncher,
  type ToNode,
} from '../domain/own-uid-protocol';
import { stoppedBy } from '../system/child-stops';
import { harden } from '../system/harden';
import { JsonLines } from '../system/json-lines';
import { bringToFront, takeTerminal } from '../system/pseudo-terminal';
import { disposeSignal } from '../system/this-process';

const { SIGCONT, SIGHUP } = constants.signals;
const MAY_BE_PASSED_ON: ReadonlySet<unknown> = new Set(PASSED_ON.map((name) => constants.signals[name]));
/** What the terminal of the agent sends is meant for the agent. */
const NOT_FOR_US = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGTTOU', 'SIGTTIN', 'SIGPIPE'] as const;

/**
 * The keeper of an agent under a uid of its own: it is the parent that the launcher cannot be. It leads the session of the agent's terminal,
 * starts the process that becomes the agent (become.ts), passes signals on, and tells the launcher when the agent stops or ends. It is root and
 * hears numbers of signals from the launcher, nothing else; it needs the node only until the agent runs.
 */
export function keeperEntry(): void {
  harden();
  for (const name of NOT_FOR_US) disposeSignal(constants.signals[name], 'ignore');
  new Keeper();
}

class Keeper {
  readonly #launcher: JsonLines<FromLauncher, ToLauncher>;
  readonly #node: JsonLines<FromNode, ToNode>;
  #agent: ChildProcess | undefined;
  #becoming: JsonLines<ToNode, FromNode> | undefined;
  /** The node let it execute its program. */
  #released = false;

  constructor() {
    this.#launcher = new JsonLines(
      KEEPER_FD.launcher,
      (message) => this.#told(message),
      () => this.#launcherGone(),
    );
    this.#node = new JsonLines(
      KEEPER_FD.node,
      (message) => ('plan' in message ? this.#start(message.plan) : this.#release()),
      () => this.#nodeGone(),
    );
  }

  #start(plan: OwnUidPlan): void {
    if (this.#agent !== undefined) return;
    if (plan.terminal !== null) takeTerminal(plan.terminal);
    const agent = spawn(process.execPath, [process.argv[1]!, 'internal-become'], {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe', KEEPER_FD.project, KEEPER_FD.words],
      env: {},
      cwd: '/',
    });
    this.#agent = agent;
    const { pid } = agent;
    agent.once('error', (error) =>
      this.#node.tell({ failed: { code: 'E_OWN_UID', explanation: { saw: error.message } } }, () => process.exit(1)),
    );
    if (pid === undefined) return;
    agent.once('exit', (code, signal) => this.#launcher.tell({ exited: { code, signal } }, () => process.exit(0)));
    process.on('SIGCHLD', () => this.#lookForStop(pid));
    this.#becoming = new JsonLines(
      agent.stdio[BECOMING_FD.keeper] as Socket,
      (said) => {
        if ('waiting' in said) {
          if (plan.terminal !== null) bringToFront(plan.terminal, pid);
          this.#node.tell({ waiting: pid });
        } else if (this.#released) this.#launcher.tell(said);
        else this.#node.tell(said);
      },
      () => undefined,
    );
    this.#becoming.tell({ plan });
  }

  #release(): void {
    this.#released = true;
    this.#becoming?.tell({ go: true });
  }

  /** Until it was released the launch is on no record: what was started for it must not run. */
  #nodeGone(): void {
    if (!this.#released) process.exit(1);
  }

  /** As when a terminal is closed. */
  #launcherGone(): void {
    this.#signal(SIGHUP);
    this.#signal(SIGCONT);
  }

  #told(message: FromLauncher): void {
    if ('continue' in message) this.#signal(SIGCONT);
    else if (MAY_BE_PASSED_ON.has(message.signal)) this.#signal(message.signal);
  }

  /** To the agent's process group, while its leader has not been waited for: until then no other group has that number. */
  #signal(number: number): void {
    const { pid, exitCode, signalCode } = this.#agent ?? {};
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, number);
    } catch {
      return; // it leads no group yet, or all of it has ended
    }
  }

  #lookForStop(pid: number): void {
    try {
      const stopped = stoppedBy(pid);
      if (stopped !== undefined) this.#launcher.tell({ stopped });
    } catch {
      return; // it has ended, which is told by itself
    }
  }
}
