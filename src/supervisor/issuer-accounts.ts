import { readdirSync, readFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { statusIds } from '../domain/proc-text';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom server and database run as; nothing else runs under these uids. */
export interface IssuerAccounts {
  readonly server: Account;
  readonly database: Account;
}

/** Numeric uids are taken from here: above what people and systemd's dynamic users get, below the reserved end. */
const FIRST_FREE_UID = 70_000;
const LAST_FREE_UID = 99_000;

/** The accounts `mandate` and `mandate-db` where they exist, else uids that no account and no process has. */
export function issuerAccounts(passwd = readFileSync('/etc/passwd', 'utf8')): IssuerAccounts {
  const rows = passwd.split('\n').map((line) => line.split(':'));
  const named = (name: string): Account | undefined => {
    const row = rows.find((fields) => fields[0] === name);
    return row && { uid: Number(row[2]), gid: Number(row[3]) };
  };
  const taken = new Set([...rows.map((fields) => Number(fields[2])), ...[...runningUids().values()].flat()]);
  let next = FIRST_FREE_UID;
  const free = (): Account => {
    while (taken.has(next)) next += 1;
    if (next > LAST_FREE_UID) throw new MandateError('E_PLATFORM', { saw: `no free uid from ${FIRST_FREE_UID} to ${LAST_FREE_UID}` });
    taken.add(next);
    return { uid: next, gid: next };
  };
  const accounts = { server: named('mandate') ?? free(), database: named('mandate-db') ?? free() };
  if (accounts.server.uid === 0 || accounts.database.uid === 0 || accounts.server.uid === accounts.database.uid) {
    throw new MandateError('E_CONFIG', {
      saw: 'accounts mandate and mandate-db',
      why: 'they must have two uids of their own, neither of them 0',
    });
  }
  return accounts;
}

/** Processes that run under one of these uids and are not `ours`: anyone who runs there could read the issuer's keys. */
export function foreignProcesses(accounts: IssuerAccounts, ours: (pid: number, ppid: number) => boolean): number[] {
  const reserved = [accounts.server.uid, accounts.database.uid];
  return [...runningUids()].flatMap(([pid, uids]) =>
    uids.some((uid) => reserved.includes(uid)) && !ours(pid, parentOf(pid)) ? [pid] : [],
  );
}

function runningUids(): Map<number, readonly number[]> {
  const uids = new Map<number, readonly number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      const ids = statusIds(readFileSync(`/proc/${entry}/status`, 'latin1'), 'Uid');
      if (ids) uids.set(Number(entry), [ids.real, ids.effective]);
    } catch {
      // Ended while the list was read.
    }
  }
  return uids;
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
