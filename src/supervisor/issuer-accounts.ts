import { readdirSync, readFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { Random } from '../domain/ports';
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

/** Numeric uids are drawn from here: nobody hands these out (systemd: "Users, Groups, UIDs and GIDs on systemd Systems"). */
const FIRST_FREE_UID = 1_900_000_000;
const FREE_UIDS = 200_000_000;

/** The accounts `mandate` and `mandate-db` where they exist, else uids that no account and no process has. */
export function issuerAccounts(random: Random, passwd = readFileSync('/etc/passwd', 'utf8')): IssuerAccounts {
  const rows = passwd.split('\n').map((line) => line.split(':'));
  const named = (name: string): Account | undefined => {
    const row = rows.find((fields) => fields[0] === name);
    return row && { uid: Number(row[2]), gid: Number(row[3]) };
  };
  const taken = new Set([...rows.map((fields) => Number(fields[2])), ...[...runningUids().values()].flat()]);
  // Drawn rather than counted up: two installations on one machine must not end up under the same uid.
  const free = (): Account => {
    const uid = FIRST_FREE_UID + (random.bytes(4).readUInt32BE() % FREE_UIDS);
    if (taken.has(uid)) return free();
    taken.add(uid);
    return { uid, gid: uid };
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
