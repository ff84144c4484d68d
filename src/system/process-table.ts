import { readdirSync, readFileSync } from 'node:fs';
import { parseStat } from '../domain/proc-text';

/**
 * Pids that descend from these now, by what each process names as its parent. A hint only: pids are taken again and processes are handed
 * on, so whatever is done to one of them is done to a pinned process that was asked again.
 */
export function descendantPids(roots: readonly number[]): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^[0-9]+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = new Set<number>();
  const queue = [...roots];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      queue.push(child);
    }
  }
  return [...found];
}

function parentOf(pid: string): number | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.ppid;
  } catch {
    return undefined; // ended since it was listed
  }
}
