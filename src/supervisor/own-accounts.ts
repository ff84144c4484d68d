import { readFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Clock } from '../domain/ports';
import { foreignProcesses, type IssuerAccounts } from './issuer-accounts';

/** How long leftovers of a killed predecessor may take to notice that they are alone. */
const LEFTOVER_MS = 4_000;
const LEFTOVER_POLL_MS = 50;

/** Resolves once nothing foreign runs under the issuer's uids; our own leftovers get a moment to end. Throws E_UID_IN_USE. */
export async function accountsToOurselves(accounts: IssuerAccounts, layout: Layout, clock: Clock): Promise<void> {
  const until = clock.monotonicMs() + LEFTOVER_MS;
  for (;;) {
    const foreign = foreignProcesses(accounts, databaseProcesses(layout));
    if (foreign.length === 0) return;
    if (clock.monotonicMs() > until) {
      throw new MandateError('E_UID_IN_USE', {
        saw: `pid ${foreign.slice(0, 5).join(', ')} under uid ${accounts.server.uid} or ${accounts.database.uid}`,
        fix: 'end it, or give mandate accounts of its own (mandate, mandate-db)',
      });
    }
    await new Promise<void>((resolve) => clock.after(LEFTOVER_POLL_MS, resolve));
  }
}

/** Tells the database of this installation, postmaster and backends, from foreign processes: a leftover of it is ended when it is opened. */
function databaseProcesses(layout: Layout): (pid: number, ppid: number) => boolean {
  const found = new Set<number>();
  return (pid, ppid) => {
    const ours = isPostmasterOf(pid, layout) || found.has(ppid) || isPostmasterOf(ppid, layout);
    if (ours) found.add(pid);
    return ours;
  };
}

/** A postmaster that serves this installation's data folder, by its own pid file. */
function isPostmasterOf(pid: number, layout: Layout): boolean {
  try {
    return pid > 1 && Number(readFileSync(`${layout.database}/data/postmaster.pid`, 'utf8').split('\n', 1)[0]) === pid;
  } catch {
    return false;
  }
}
