import { chmodSync, closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import type { Random } from '../domain/ports';
import type { RolePasswords } from './roles';

const KINDS = ['owner', 'server', 'reader'] as const;
/** 256 random bits in base64url. */
const PASSWORD = /^[A-Za-z0-9_-]{43}$/;

/**
 * The passwords of the three roles, one 0600 file each in a 0700 folder of whoever starts the cluster. Missing ones are made; `made`
 * says so, and the cluster must then be told. Throws E_STATE_PERMISSIONS for a file that is not one of ours.
 */
export function rolePasswords(folder: string, random: Random): { passwords: RolePasswords; made: boolean } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  let made = false;
  const passwords: Record<(typeof KINDS)[number], string> = { owner: '', server: '', reader: '' };
  for (const kind of KINDS) {
    const file = path.join(folder, kind);
    const existing = readPassword(file);
    if (existing === undefined) made = true;
    passwords[kind] = existing ?? writePassword(file, random.bytes(32).toString('base64url'));
  }
  return { passwords, made };
}

/** All passwords as systemd handed them over (systemd.exec(5), LoadCredential=). Throws E_STATE_PERMISSIONS where one is not there. */
export const givenPasswords = (folder: string): RolePasswords => ({
  owner: givenPassword(folder, 'owner'),
  server: givenPassword(folder, 'server'),
  reader: givenPassword(folder, 'reader'),
});

/** The same, of one role. */
export function givenPassword(folder: string, kind: (typeof KINDS)[number]): string {
  const password = readPassword(path.join(folder, kind));
  if (password === undefined) throw new MandateError('E_STATE_PERMISSIONS', { saw: `no password of the role ${kind} was handed over` });
  return password;
}

function readPassword(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'latin1').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MandateError('E_STATE_PERMISSIONS', { saw: `${file} cannot be read` }, { cause: error });
  }
  // Cut short by a crash: a new one takes its place.
  return PASSWORD.test(text) ? text : undefined;
}

function writePassword(file: string, password: string): string {
  const fresh = `${file}.new`;
  const fd = openSync(fresh, 'w', 0o600);
  try {
    fchmodSync(fd, 0o600);
    writeSync(fd, `${password}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, file);
  return password;
}
