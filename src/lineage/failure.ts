import { MandateError } from '../domain/errors';

interface DriverError {
  readonly code?: string;
  readonly severity?: string;
  readonly message?: string;
}

/** The SQLSTATE with which the server itself refused a statement; undefined where the connection failed or nobody knows. */
export function sqlState(thrown: unknown): string | undefined {
  const error = thrown as DriverError;
  return thrown instanceof Error && typeof error.severity === 'string' && /^[0-9A-Z]{5}$/.test(error.code ?? '') ? error.code : undefined;
}

/** True where the server says it ended the session with this error, so the answer to a statement may have been lost. */
export function endsSession(thrown: unknown): boolean {
  const severity = (thrown as DriverError).severity;
  return severity !== 'ERROR';
}

/** True for a refusal that is the statement's fault (not supported, data, constraint, syntax or access), not the database's state. */
export const wrongStatement = (state: string | undefined): boolean => /^(0A|22|23|42)/.test(state ?? '');

/** A failed connection attempt in our words. `shown` names the database without its password. */
export function connectionFailure(thrown: unknown, shown: string): MandateError {
  if (thrown instanceof MandateError) return thrown;
  const state = sqlState(thrown);
  const options = { cause: thrown };
  if (state === '28P01' || state === '28000') {
    return new MandateError('E_DB_URL', { saw: shown, why: 'the database refused the role or its password' }, options);
  }
  if (state === '42501') return new MandateError('E_DB_URL', { saw: shown, why: 'the role may not use this database' }, options);
  if (state === '3D000') return new MandateError('E_DB_URL', { saw: shown, why: 'there is no such database' }, options);
  if (wrongStatement(state)) return new MandateError('E_INTERNAL', { saw: `SQLSTATE ${state}` }, options);
  return new MandateError(
    'E_DB_DOWN',
    { saw: shown, why: reason(thrown, state), fix: 'start PostgreSQL; mandate goes on by itself' },
    options,
  );
}

function reason(thrown: unknown, state: string | undefined): string {
  if (state === '57P03') return 'PostgreSQL is starting up or shutting down';
  if (state === '53300') return 'PostgreSQL has no connection left';
  const code = (thrown as DriverError).code;
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return `connecting failed with ${code}`;
  return state === undefined ? 'the connection failed' : `PostgreSQL answered ${state}`;
}
