import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { MandateError } from '../domain/errors';
import { checkSocketPath } from '../domain/layout';
import { errnoOf } from './errno';

const OTHERS_WRITE = 0o002;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

export interface SocketPlace {
  /** Absolute path of the socket. */
  readonly path: string;
  readonly folderMode: number;
  /** Who the folder and the socket are given to; ourselves where undefined. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Makes the folder of a socket, or checks the one that is there, so that nobody but its owner, root and we can put another socket in
 * its place; then clears the path of a socket that nobody listens on any more.
 * Throws E_SOCKET_PATH, E_STATE_PERMISSIONS, and E_SOCKET_IN_USE where something listens or the path is no socket.
 */
export async function prepareSocketPath(place: SocketPlace): Promise<void> {
  checkSocketPath(place.path);
  prepareFolder(dirname(place.path), place);
  await clearPath(place.path);
}

function prepareFolder(folder: string, { folderMode, owner }: SocketPlace): void {
  const own = process.geteuid?.() ?? -1;
  const trusted = [own, 0, owner?.uid];
  makeAbove(dirname(folder));
  checkAbove(dirname(folder), trusted);
  try {
    mkdirSync(folder, { mode: folderMode & 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  const fd = openFolder(folder);
  try {
    const found = fstatSync(fd);
    if (!trusted.includes(found.uid)) throw unsafe(folder, `it belongs to uid ${found.uid}`);
    if (found.uid === own || own === 0) {
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
      fchmodSync(fd, folderMode);
    } else if (found.mode & GROUP_OR_OTHERS_WRITE) {
      throw unsafe(folder, 'others may write to it');
    }
  } finally {
    closeSync(fd);
  }
}

/** Folders above can be passed through by everyone, whatever the umask: the mode of the folder itself decides who comes in. */
function makeAbove(folder: string): void {
  const umask = process.umask(0o022);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } finally {
    process.umask(umask);
  }
}

/** Held open while it is checked and changed: what stands at the path could be another folder from one call to the next. */
function openFolder(folder: string): number {
  try {
    return openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    throw unsafe(folder, errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP' ? 'it is not a folder' : errnoOf(error));
  }
}

/** Whoever owns a folder above, and anyone who may write to it, can put another folder in the place of ours. */
function checkAbove(folder: string, trusted: readonly (number | undefined)[]): void {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    const { mode, uid } = statSync(at);
    if (!trusted.includes(uid)) throw unsafe(at, `it belongs to uid ${uid}`);
    if (mode & OTHERS_WRITE && !(mode & STICKY)) throw unsafe(at, 'others may write to it');
    if (at === dirname(at)) return;
  }
}

const unsafe = (path: string, saw: string): MandateError =>
  new MandateError('E_STATE_PERMISSIONS', {
    saw: `${path}: ${saw}`,
    fix: 'choose another place with --state, or correct its owner and mode',
  });

async function clearPath(path: string): Promise<void> {
  const found = lstatOrNothing(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new MandateError('E_SOCKET_IN_USE', { saw: `${path} is not a socket`, fix: 'move it away; it is not deleted for you' });
  }
  const answer = await tryConnect(path);
  if (answer === 'ENOENT') return;
  if (answer !== 'ECONNREFUSED') throw new MandateError('E_SOCKET_IN_USE', { saw: `${path} (${answer})` });
  // Whoever started at the same moment may have put a live one there meanwhile.
  if (lstatOrNothing(path)?.ino === found.ino) unlinkSync(path);
}

const lstatOrNothing = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

const tryConnect = (path: string): Promise<string> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve('it answers');
    });
    probe.once('error', (error) => resolve(errnoOf(error)));
  });
