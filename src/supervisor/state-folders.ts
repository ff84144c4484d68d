import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import type { Layout } from '../domain/layout';
import type { Account, IssuerAccounts } from './issuer-accounts';

/** The folders a start needs before anything is decided: the state itself and its logs. They belong to whoever starts us. */
export function makeState(layout: Layout): void {
  withOwnModes(() => {
    mkdirSync(layout.state, { recursive: true, mode: layout.mode === 'installed' ? 0o711 : 0o700 });
    mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
  });
}

/** Gives each part the folders that it alone writes to. */
export function givePartsTheirFolders(layout: Layout, accounts: IssuerAccounts | null): void {
  const open = layout.mode === 'installed' ? 0o755 : 0o700;
  const give = (path: string, mode: number, owner: Account | undefined) => {
    mkdirSync(path, { recursive: true, mode });
    if (owner) chownSync(path, owner.uid, owner.gid);
    chmodSync(path, mode);
  };
  withOwnModes(() => {
    mkdirSync(layout.run, { recursive: true, mode: open });
    give(`${layout.state}/server`, 0o700, accounts?.server);
    give(layout.keys, 0o700, accounts?.server);
    give(`${layout.run}/link`, 0o700, accounts?.server);
    give(`${layout.run}/admin`, open, accounts?.server);
  });
}

/** The caller's umask must not decide who reaches the sockets. */
function withOwnModes(make: () => void): void {
  const before = process.umask(0o022);
  try {
    make();
  } finally {
    process.umask(before);
  }
}
