import { readFileSync } from 'node:fs';
import type { Account } from '../running/installation';

const FIRST_UID = 1000;
const LAST_UID = 60_000;

/** The first account of a person on this machine: PostgreSQL runs under accounts with a name only. */
export function anOrdinaryAccount(): Account | undefined {
  for (const entry of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [uid, gid] = entry.split(':').slice(2, 4).map(Number);
    if (uid !== undefined && gid !== undefined && uid >= FIRST_UID && uid < LAST_UID) return { uid, gid };
  }
  return undefined;
}
