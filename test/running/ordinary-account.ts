import { readFileSync } from 'node:fs';

/** Whom to run as where the tests run as root and something is an ordinary user's: a human's account of this machine, or a bare uid. */
export function ordinaryAccount(): { readonly uid: number; readonly gid: number; readonly name?: string } | undefined {
  if (process.getuid!() !== 0) return undefined;
  const [found] = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((row) => row.split(':'))
    .filter(([, , uid]) => Number(uid) >= 1000 && Number(uid) < 60_000);
  return found ? { uid: Number(found[2]), gid: Number(found[3]), name: found[0]! } : { uid: 12_345, gid: 12_345 };
}
