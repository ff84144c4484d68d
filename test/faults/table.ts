import { type Fault, FAULTS } from './killing';
import type { Joined } from './join';
import type { TrialResult } from './trial';

/** Over the whole run: after an outage all agents rotate together, so a short span shows none of it or all. */
export const x509Share = ({ x509, jwt }: Joined): number => x509 / (x509 + jwt);

/** The result of a run, as people read it. */
export function table({ kills, inFlight, perSecond, joined }: TrialResult): string {
  const faults = Object.keys(FAULTS) as Fault[];
  const rows = faults.map((fault) => {
    const mine = kills.flatMap((kill, index) => (kill.fault === fault ? [{ ms: kill.recoveredMs, under: inFlight[index]! }] : []));
    const times = mine.map(({ ms }) => ms).sort((a, b) => a - b);
    const under = mine.map((kill) => kill.under);
    const middle = times[times.length >> 1] ?? 0;
    return [
      fault,
      `${mine.length}`,
      `${under.filter((count) => count > 0).length}`,
      `${under.reduce((sum, count) => sum + count, 0)}`,
      `${middle} ms`,
      `${times.at(-1) ?? 0} ms`,
    ];
  });
  const heads = ['killed', 'times', 'under load', 'in flight', 'all recovered, median', 'longest'];
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  const byKind = new Map<string, number>();
  for (const { what } of joined.differences) byKind.set(what, (byKind.get(what) ?? 0) + 1);
  return [
    line(heads),
    ...rows.map(line),
    '',
    `load         ${perSecond.toFixed(0)} credentials/s between kills`,
    `received     ${joined.x509} X509-SVIDs (${(100 * x509Share(joined)).toFixed(0)} %), ${joined.jwt} JWT-SVIDs, by ${joined.processes} processes`,
    `differences  ${joined.differences.length}${[...byKind].map(([what, count]) => `; ${what}: ${count}`).join('')}`,
  ].join('\n');
}
