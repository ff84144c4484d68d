import pino from 'pino';
import type { Log } from '../domain/ports';

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** Fields that must never be printed, wherever they stand. */
const SECRETS = ['password', 'token', 'key', 'pkcs8', 'privateKey', 'authorization', 'databaseUrl', 'ownerUrl', 'url', 'secret', 'svid'];

/**
 * One event, one line of JSON, on standard output or in a file. A full disk must not stop an issuer: what cannot be written is dropped.
 */
export function jsonLog(name: string, level: string | undefined, file?: string): Log {
  const destination = pino.destination(file === undefined ? { fd: 1, sync: true } : { dest: file, sync: true, mode: 0o600 });
  destination.on('error', () => undefined);
  return pino(
    {
      name,
      level: level !== undefined && LEVELS.includes(level) ? level : 'info',
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
      serializers: { err: errorFields, error: errorFields, cause: errorFields },
    },
    destination,
  );
}

function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  return { name, message, code, stack, ...(error.cause === undefined ? {} : { cause: errorFields(error.cause) }) };
}
