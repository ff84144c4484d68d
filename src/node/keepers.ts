import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { MandateError, isErrorCode } from '../domain/errors';
import { type Failed, type FromNode, type OwnUidPlan, type ToNode, within } from '../domain/own-uid-protocol';
import type { Clock, Log } from '../domain/ports';
import { statusField } from '../domain/proc-text';
import type { OwnUid } from '../generated/proto/mandate/v1/launch_pb';
import { JsonLines } from '../system/json-lines';
import { pidfdInfo } from '../system/pidfd';
import type { PinnedProcess } from '../system/process-view';
import type { PinnedProcesses } from '../system/processes';
import { agentEnd } from '../system/pseudo-terminal';
import { type OwnUidPlace, taken } from './own-uid-launch';

/** Two starts of Node and a few mounts; what takes longer is ended. */
const START_MS = 20_000;
const STANDARD_STREAMS = [0, 1, 2];
const DEFAULT_UMASK = 0o022;

/** How a keeper is started. */
export interface KeeperProgram {
  readonly node: string;
  readonly main: string;
}

/** A launch under a uid of its own whose first process stands and waits. */
export interface StartedOwnUid {
  readonly agent: PinnedProcess;
  readonly view: OwnView;
  /** Lets it execute its program: the launch is on record. */
  release(): void;
  /** Ends all that was started. */
  abandon(): void;
}

/** The mounts that the node gave to a launch. They are kept open here, so that their number cannot come to mean others. */
export interface OwnView {
  /** As /proc/PID/ns/mnt names them. */
  readonly mounts: string;
  /** True where a path leads to the same in these mounts as in the node's: anywhere but in the home folder that was put over the human's. */
  shows(path: string): boolean;
  close(): void;
}

export interface KeepersParts {
  readonly program: KeeperProgram;
  readonly processes: PinnedProcesses;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Starts the keeper of an agent (entry/keeper.ts) with the launcher's own streams, and waits until the process that will execute the program stands under
 * its uid in its mounts. That one is found by its pid, and taken only as a child of the keeper under that uid. Throws E_OWN_UID.
 */
export async function startKeeper(
  parts: KeepersParts,
  launcher: PinnedProcess,
  asked: OwnUid,
  place: OwnUidPlace,
  what: Pick<OwnUidPlan, 'uid' | 'program' | 'confine'>,
): Promise<StartedOwnUid> {
  const { child, terminal } = spawnKeeper(parts, launcher, asked, place, what.uid);
  const abandon = () => void child.kill('SIGKILL');
  let link: JsonLines<ToNode, FromNode> | undefined;
  try {
    const waiting = await new Promise<number>((resolve, reject) => {
      parts.clock.after(START_MS, () => reject(failure('it took too long')));
      child.once('error', (error) => reject(failure(error.message)));
      link = new JsonLines<ToNode, FromNode>(
        child.stdio[4] as Socket,
        (said) => ('waiting' in said ? resolve(said.waiting) : reject(failureOf(said.failed))),
        () => reject(failure('its keeper ended')),
      );
      link.tell({ plan: planOf(launcher, place, terminal, what) });
    });
    const agent = parts.processes.fromPid(waiting);
    if (agent.uid !== what.uid || pidfdInfo(agent.pidfd)?.ppid !== child.pid) {
      agent.release();
      throw failure('another process stands in its place');
    }
    return {
      agent,
      view: viewOf(agent, place),
      release: () => {
        link?.tell({ go: true }, () => link?.close());
        child.unref();
      },
      abandon,
    };
  } catch (thrown) {
    abandon();
    throw thrown;
  }
}

function spawnKeeper(
  { program, log }: KeepersParts,
  launcher: PinnedProcess,
  asked: OwnUid,
  { folder }: OwnUidPlace,
  uid: number,
): { readonly child: ChildProcess; readonly terminal: number | null } {
  const opened: number[] = [];
  const take = (fd: number): number => {
    const own = taken(launcher, fd);
    opened.push(own);
    return own;
  };
  try {
    const streams = STANDARD_STREAMS.map(take);
    const terminal = asked.terminal === undefined ? -1 : streams.findIndex((fd) => isatty(fd));
    if (terminal >= 0) {
      const end = agentEnd(take(asked.terminal!), launcher.uid, uid);
      opened.push(end);
      for (const [at, fd] of streams.entries()) if (isatty(fd)) streams[at] = end;
    }
    const child = spawn(program.node, [program.main, 'internal-keeper'], {
      stdio: [...streams, take(asked.control), 'pipe', folder, take(asked.words)],
      env: {},
      cwd: '/',
      detached: true,
    });
    child.once('exit', (code, signal) => log.debug({ pid: child.pid, code, signal }, 'keeper ended'));
    return { child, terminal: terminal < 0 ? null : terminal };
  } catch (cause) {
    throw cause instanceof MandateError ? cause : new MandateError('E_OWN_UID', { why: 'its streams cannot be used' }, { cause });
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function planOf(
  launcher: PinnedProcess,
  { login, project, cwd }: OwnUidPlace,
  terminal: number | null,
  { uid, program, confine }: Pick<OwnUidPlan, 'uid' | 'program' | 'confine'>,
): OwnUidPlan {
  const mask = parseInt(statusField(launcher.read('status'), 'Umask') ?? '', 8);
  return {
    uid,
    owner: { ...login, uid: launcher.uid, gid: launcher.gid },
    project,
    cwd,
    program,
    terminal,
    confine,
    umask: Number.isInteger(mask) ? mask : DEFAULT_UMASK,
    limits: launcher.read('limits'),
    oomScoreAdj: launcher.read('oom_score_adj').trim(),
    loginUid: loginUidOf(launcher),
  };
}

/** Null on a kernel without audit. */
function loginUidOf(launcher: PinnedProcess): string | null {
  try {
    return launcher.read('loginuid').trim();
  } catch {
    if (!launcher.alive()) throw new MandateError('E_PEER_GONE');
    return null;
  }
}

function viewOf(agent: PinnedProcess, { login, project }: OwnUidPlace): OwnView {
  const fd = openSync(agent.path('ns/mnt'), 'r');
  return {
    mounts: agent.link('ns/mnt'),
    shows: (path) => !within(path, login.home) || within(path, project),
    close: () => closeSync(fd),
  };
}

const failure = (why: string): MandateError => new MandateError('E_OWN_UID', { why });

const failureOf = ({ code, explanation }: Failed): MandateError => new MandateError(isErrorCode(code) ? code : 'E_OWN_UID', explanation);
