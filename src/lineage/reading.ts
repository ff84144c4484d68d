import { isErrorCode, MandateError } from '../domain/errors';
import type { Database } from './connection';
import { wrongStatement } from './failure';

interface PrismaFailure {
  readonly code?: string;
  readonly meta?: { readonly code?: string; readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: string } } };
}

/** SQLSTATE of a statement the server refused, as Prisma passes it on. */
export const refusedState = (thrown: unknown): string | undefined => {
  const { meta, code } = thrown as PrismaFailure;
  const state = meta?.driverAdapterError?.cause?.originalCode ?? (code === 'P2010' ? meta?.code : undefined);
  return state !== undefined && /^[0-9A-Z]{5}$/.test(state) ? state : undefined;
};

/**
 * Runs reads and small writes on the database. Whatever keeps them from being answered is E_DB_DOWN; a statement that the server refused
 * is ours to mend and comes out as E_INTERNAL. Our own errors pass unchanged.
 */
export async function query<T>(database: Database, work: (prisma: Database['prisma']) => Promise<T>): Promise<T> {
  try {
    return await work(database.prisma);
  } catch (cause) {
    if (cause instanceof MandateError) throw cause;
    // Prisma keeps only the code of an error of ours; the pool kept the error.
    const { code } = cause as PrismaFailure;
    if (code !== undefined && isErrorCode(code)) throw database.refusal() ?? new MandateError(code, {}, { cause });
    const state = refusedState(cause);
    if (wrongStatement(state)) throw new MandateError('E_INTERNAL', { saw: `SQLSTATE ${state}` }, { cause });
    throw new MandateError('E_DB_DOWN', { saw: database.shown, fix: 'start PostgreSQL; mandate goes on by itself' }, { cause });
  }
}
