import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import type { InstallationFacts, StateFile } from '../domain/doctor';
import { MandateError } from '../domain/errors';
import { MANIFEST, STATE_FOLDER } from '../domain/install';
import { sealedHome } from '../domain/key-seal';
import type { Layout } from '../domain/layout';
import { sealedBy } from './key-seal-file';

const MAX_BYTES = 64 * 1024;

/** What may be seen of an installation from outside, running or not; undefined where there is no trace of one. `uid` is ours. */
export function installationFacts(layout: Layout, uid: number): InstallationFacts | undefined {
  const looked: readonly (readonly [StateFile['what'], string])[] = [
    ['state', layout.state],
    ['installation', layout.installationFile],
    ['configuration', layout.configFile],
    ['keys', layout.keys],
    ['secrets', layout.secrets],
    ['database', `${layout.database}/data`],
    ['admin socket', layout.adminSocket],
    ['link socket', layout.linkSocket],
    // The folder decides who reaches the socket in it.
    ['database socket', layout.databaseRun],
  ];
  const files = looked.flatMap(([what, path]) => {
    try {
      const { uid: owner, mode } = lstatSync(path);
      return [{ what, path, uid: owner, mode: mode & 0o7777 }];
    } catch {
      return []; // not there, or in a folder that is not for us
    }
  });
  if (!files.some(({ what }) => what === 'installation')) return undefined;
  return {
    mode: layout.mode,
    files,
    accounts: accountsOf(layout.installationFile),
    owner: layout.mode === 'installed' ? 0 : uid,
    keyHome: files.some(({ what }) => what === 'keys') ? keyHomeOf(layout.keys) : null,
    units: layout.state === STATE_FOLDER && existsSync(MANIFEST),
  };
}

function keyHomeOf(folder: string): InstallationFacts['keyHome'] {
  const by = sealedBy(folder);
  if (by !== undefined) return sealedHome(by);
  try {
    // Without a file of a key they are elsewhere, or not made yet.
    return readdirSync(folder).some((name) => name.endsWith('.pem')) ? 'plain' : null;
  } catch {
    return null; // not for us
  }
}

function accountsOf(file: string): InstallationFacts['accounts'] {
  try {
    const text = readFileSync(file, 'utf8').slice(0, MAX_BYTES);
    const { accounts } = JSON.parse(text) as { accounts?: { server?: { uid?: unknown }; database?: { uid?: unknown } } | null };
    const [server, database] = [accounts?.server?.uid, accounts?.database?.uid];
    return typeof server === 'number' && typeof database === 'number' ? { server, database } : null;
  } catch (cause) {
    throw new MandateError('E_INTEGRITY', { saw: file, why: 'it is not what mandate wrote', fix: 'restore it from a backup' }, { cause });
  }
}
