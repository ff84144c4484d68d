import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { MandateError } from '../domain/errors';

const OTHERS_WRITE = 0o002;

/** Why nothing answered on a socket, told from what lies at its path. */
export function notRunning(socket: string): MandateError {
  const fix = 'start it with: mandate up -d';
  let found: Stats;
  try {
    found = statSync(socket);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES') return closed(socket, cause);
    return new MandateError('E_NOT_RUNNING', { saw: `no socket at ${socket}`, fix }, { cause });
  }
  if (!found.isSocket()) return new MandateError('E_NOT_RUNNING', { saw: `${socket} is not a socket`, fix });
  try {
    accessSync(socket, constants.W_OK);
  } catch (cause) {
    return found.mode & OTHERS_WRITE ? keptAway(socket, cause) : closed(socket, cause);
  }
  return new MandateError('E_NOT_RUNNING', {
    saw: `nobody listens at ${socket}`,
    why: 'mandate was ended without tidying up, or is starting',
    fix,
  });
}

/** Open to everyone but this user: an access list says so (system/flooding-users.ts). */
const keptAway = (socket: string, cause: unknown) =>
  new MandateError(
    'E_PEER_LIMIT',
    {
      saw: `${socket} is open, but not to this user`,
      why: 'a program of this user floods it with connections',
      fix: 'end that program, and try again in a minute',
    },
    { cause },
  );

const closed = (socket: string, cause: unknown) =>
  new MandateError(
    'E_NOT_RUNNING',
    { saw: `${socket} may not be opened by this user`, fix: 'name the right installation with --state or SPIFFE_ENDPOINT_SOCKET' },
    { cause },
  );
