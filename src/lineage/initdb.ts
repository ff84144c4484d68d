import { chownSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import type { Finished, Programs } from './programs';

/**
 * Makes a cluster in `folder`/data with the given statements already carried out. It is built beside its place and renamed into it, so
 * a crash leaves either nothing or all of it. Synced once at the end instead of by every step. Throws E_DB_START.
 */
export async function makeCluster(programs: Programs, folder: string, statements: readonly string[]): Promise<void> {
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith('init-')) rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
  const fresh = path.join(folder, `init-${process.pid}`);
  mkdirSync(fresh, { mode: 0o700 });
  if (programs.as) chownSync(fresh, programs.as.uid, programs.as.gid);
  const common = ['-D', fresh];
  const options = ['-U', 'postgres', '-A', 'reject', '-E', 'UTF8', '--no-locale', '--data-checksums', '--no-instructions', '--no-sync'];
  expectSuccess('initdb', await programs.run('initdb', [...common, ...options]));
  await singleUser(programs, fresh, statements);
  expectSuccess('initdb --sync-only', await programs.run('initdb', [...common, '--sync-only']));
  renameSync(fresh, path.join(folder, 'data'));
  const fd = openSync(folder, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * Runs statements, one line each, as the superuser on a cluster that is not running. There is no other way to be the superuser: it has
 * no password, and the statements reach PostgreSQL by a pipe, where no argument list or log shows them.
 */
export async function singleUser(programs: Programs, data: string, statements: readonly string[]): Promise<void> {
  const args = [
    '--single',
    '-D',
    data,
    '-c',
    'exit_on_error=on',
    '-c',
    'log_min_error_statement=panic',
    '-c',
    'log_statement=none',
    'postgres',
  ];
  expectSuccess('postgres --single', await programs.run('postgres', args, `${statements.join('\n')}\n`));
}

function expectSuccess(step: string, finished: Finished): void {
  if (finished.code === 0) return;
  const said = finished.error?.code ?? finished.stderr.trim().split('\n').slice(-3).join(' ').slice(-400);
  const namespace = /unshare/.test(said);
  throw new MandateError('E_DB_START', {
    saw: `${step}: ${said || `exit ${finished.code}`}`,
    ...(namespace && {
      why: "the database's uid has no account here, and this kernel allows no user namespace to give it a name",
      fix: 'create a system account for the database, e.g.: useradd --system mandate-db',
    }),
  });
}
