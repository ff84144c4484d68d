import { accessSync, constants, statSync } from 'node:fs';
import { MandateError } from '../domain/errors';

/** Why nothing answered on a socket, told from what lies at its path. */
export function notRunning(socket: string): MandateError {
  const fix = 'start it with: mandate up -d';
  let isSocket: boolean;
  try {
    isSocket = statSync(socket).isSocket();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES') return closed(socket, cause);
    return new MandateError('E_NOT_RUNNING', { saw: `no socket at ${socket}`, fix }, { cause });
  }
  if (!isSocket) return new MandateError('E_NOT_RUNNING', { saw: `${socket} is not a socket`, fix });
  try {
    accessSync(socket, constants.W_OK);
  } catch (cause) {
    return closed(socket, cause);
  }
  return new MandateError('E_NOT_RUNNING', {
    saw: `nobody listens at ${socket}`,
    why: 'mandate was ended without tidying up, or is starting',
    fix,
  });
}

const closed = (socket: string, cause: unknown) =>
  new MandateError(
    'E_NOT_RUNNING',
    { saw: `${socket} may not be opened by this user`, fix: 'name the right installation with --state or SPIFFE_ENDPOINT_SOCKET' },
    { cause },
  );
