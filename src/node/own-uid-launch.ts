import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { within } from '../domain/own-uid-protocol';
import type { OwnUid } from '../generated/proto/mandate/v1/launch_pb';
import type { Login } from '../system/accounts';
import { descriptorOf } from '../system/pidfd';
import type { PinnedProcess } from '../system/process-view';

/** What a launch under a uid of its own is about, checked: nothing of it is the launcher's word any more. */
export interface OwnUidPlace {
  readonly login: Login;
  /** Where the project lies, and a descriptor of it, the launcher's own opening. */
  readonly project: string;
  readonly folder: number;
  /** Where the agent begins. */
  readonly cwd: string;
}

const DELETED = ' (deleted)';

/**
 * Looks at the project that a launcher opened and names by its descriptor: a folder of its own, neither its home nor above it. The caller
 * closes `folder`. Throws E_OWN_UID.
 */
export function ownUidPlace(
  launcher: PinnedProcess,
  asked: OwnUid,
  program: string,
  agentSocket: string,
  login: (uid: number) => Login | undefined,
): OwnUidPlace {
  const account = login(launcher.uid);
  if (launcher.uid === 0 || account === undefined || account.home === '/')
    throw refused(
      `uid ${launcher.uid}`,
      'it is for accounts of people, with a home folder that can be hidden',
      'launch it from an ordinary account',
    );
  const { home } = account;
  const folder = taken(launcher, asked.project);
  try {
    const stat = fstatSync(folder);
    const project = pathOf(`/proc/self/fd/${folder}`);
    if (!stat.isDirectory() || stat.uid !== launcher.uid)
      throw refused(project, 'the project is a folder that belongs to whoever launches', 'name another with --project');
    // What is mounted back must not be the home folder itself, and what is hidden must not hold more than it.
    if (within(home, project))
      throw refused(project, 'the home folder would be in reach', 'begin in a folder below it, or name one with --project');
    const hidden = (path: string) => within(path, home) && !within(path, project);
    if (hidden(program))
      throw refused(program, 'the program lies in the home folder, which the agent does not see', 'install it outside, or in the project');
    if (hidden(agentSocket))
      throw refused(agentSocket, 'the agent could not reach the socket in the home folder', 'keep the state of the node elsewhere');
    const cwd = pathOf(launcher.path('cwd'));
    return { login: account, project, folder, cwd: within(cwd, project) ? cwd : project };
  } catch (thrown) {
    closeSync(folder);
    throw thrown;
  }
}

/** A descriptor of a launcher, as ours. Throws E_OWN_UID where it has none of that number. */
export function taken(launcher: PinnedProcess, fd: number): number {
  try {
    return descriptorOf(launcher.pidfd, fd);
  } catch (cause) {
    throw new MandateError('E_OWN_UID', { saw: `descriptor ${fd}`, why: 'the launcher has it not open' }, { cause });
  }
}

/** Where an open file lies; only a path that can be said in every record, and that still leads there. */
function pathOf(link: string): string {
  const bytes = readlinkSync(link, 'buffer');
  const path = bytes.toString('utf8');
  if (!path.startsWith('/') || path.endsWith(DELETED) || !Buffer.from(path, 'utf8').equals(bytes))
    throw refused('its path', 'it is gone, or its path is no text', 'name another with --project');
  return path;
}

const refused = (saw: string, why: string, fix: string): MandateError => new MandateError('E_OWN_UID', { saw, why, fix });
