import { closeSync, existsSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { MandateError } from '../domain/errors';
import { newId } from '../domain/ids';
import type { Layout } from '../domain/layout';
import type { Clock, Random } from '../domain/ports';
import { newTrustDomain, parseOwnTrustDomain } from '../domain/spiffe-id';
import { errnoOf } from '../system/errno';
import { freePort } from './free-port';
import { type IssuerAccounts, issuerAccounts } from './issuer-accounts';

const port = z.number().int().min(1).max(65535);
const uid = z
  .number()
  .int()
  .min(1)
  .max(2 ** 32 - 2);
const schema = z.strictObject({
  v: z.literal(1),
  id: z.uuid(),
  trustDomain: z.string().max(255),
  createdAt: z.string(),
  httpsPort: port,
  healthPort: port,
  accounts: z.strictObject({ server: z.strictObject({ uid, gid: uid }), database: z.strictObject({ uid, gid: uid }) }).nullable(),
});

/** What is decided once, at the first start, and kept in the state folder. None of it is secret. */
export interface InstallationFile {
  readonly id: string;
  readonly trustDomain: string;
  readonly createdAt: string;
  readonly httpsPort: number;
  readonly healthPort: number;
  /** uids of the issuer's parts; null where everything runs under the uid of whoever started it. */
  readonly accounts: IssuerAccounts | null;
}

/** Reads the installation of a state folder, or decides and keeps a new one. Throws E_STATE_PERMISSIONS and E_INTEGRITY. */
export async function openInstallation(
  layout: Layout,
  hostname: string,
  clock: Clock,
  random: Random,
): Promise<{ readonly installation: InstallationFile; readonly created: boolean }> {
  const file = layout.installationFile;
  if (existsSync(file)) return { installation: read(file), created: false };
  const nowMs = clock.nowMs();
  const httpsPort = await freePort(random);
  const installation: InstallationFile = {
    id: newId(random, nowMs),
    trustDomain: newTrustDomain(hostname, random),
    createdAt: new Date(nowMs).toISOString(),
    httpsPort,
    healthPort: await freePort(random, httpsPort),
    accounts: layout.mode === 'installed' ? issuerAccounts(random) : null,
  };
  write(file, `${JSON.stringify({ v: 1, ...installation }, undefined, 2)}\n`);
  return { installation, created: true };
}

/** The installation that was decided before. Throws E_INSTALL where there is none, E_STATE_PERMISSIONS and E_INTEGRITY. */
export function existingInstallation(layout: Layout): InstallationFile {
  if (!existsSync(layout.installationFile))
    throw new MandateError('E_INSTALL', { saw: `no ${layout.installationFile}`, fix: 'systemctl start mandate-setup.service' });
  return read(layout.installationFile);
}

function read(file: string): InstallationFile {
  const { uid: owner, mode } = statSync(file);
  if (![process.geteuid?.(), 0].includes(owner) || mode & 0o022) {
    throw new MandateError('E_STATE_PERMISSIONS', { saw: file, fix: `chmod 644 ${file} and give it to the user that runs mandate` });
  }
  const text = readable(file);
  try {
    const parsed = schema.parse(JSON.parse(text));
    parseOwnTrustDomain(parsed.trustDomain);
    return parsed;
  } catch (cause) {
    throw new MandateError('E_INTEGRITY', { saw: file, why: 'it is not what mandate wrote', fix: 'restore it from a backup' }, { cause });
  }
}

function readable(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new MandateError('E_STATE_PERMISSIONS', { saw: `${file}: ${errnoOf(cause)}`, fix: `chmod 644 ${file}` }, { cause });
  }
}

/** Written aside, made durable, then renamed: a crash leaves the old file or none. */
function write(file: string, text: string): void {
  const aside = `${file}.new`;
  const fd = openSync(aside, 'w', 0o644);
  // Every part reads it, each under an account of its own, whatever the umask.
  fchmodSync(fd, 0o644);
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(aside, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
