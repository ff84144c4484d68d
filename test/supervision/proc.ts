import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What /proc says, read by the tests themselves: the product's own readers are not asked about the product. */

/** Pid and start time: a pid alone may mean another process a moment later. */
export interface ProcessName {
  readonly pid: number;
  readonly startTicks: string;
}

/** Fields of /proc/PID/stat from the state on (field 3 is index 0); undefined when the process is gone. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

export function nameOf(pid: number): ProcessName | undefined {
  const fields = statFields(pid);
  return fields && { pid, startTicks: fields[19]! };
}

/** True while this very process runs; a zombie has ended. */
export function lives({ pid, startTicks }: ProcessName): boolean {
  const fields = statFields(pid);
  return fields !== undefined && fields[19] === startTicks && fields[0] !== 'Z' && fields[0] !== 'X';
}

export const parentOf = (pid: number): number | undefined => {
  const fields = statFields(pid);
  return fields && Number(fields[1]);
};

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** A line of /proc/PID/status, e.g. `Uid` → its numbers. */
export function statusNumbers(pid: number, field: string): number[] {
  const line = new RegExp(`^${field}:\\t(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
  return line.split(/\s+/).filter(Boolean).map(Number);
}

export function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);

export const childrenOf = (pid: number): number[] => allPids().filter((candidate) => parentOf(candidate) === pid);

/** All descendants, as far as the chain to `pid` still stands. */
export function descendantsOf(pid: number): ProcessName[] {
  const children = new Map<number, number[]>();
  for (const candidate of allPids()) {
    const parent = parentOf(candidate);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), candidate]);
  }
  const found: number[] = [];
  for (let level = children.get(pid) ?? []; level.length > 0; level = level.flatMap((child) => children.get(child) ?? []))
    found.push(...level);
  return found.flatMap((child) => nameOf(child) ?? []);
}

/** Paths of the unix sockets below a folder that something still has bound. */
export const boundSockets = (folder: string): string[] =>
  existsSync('/proc/net/unix')
    ? readFileSync('/proc/net/unix', 'latin1')
        .split('\n')
        .map((line) => line.split(' ').at(-1) ?? '')
        .filter((path) => path.startsWith(`${folder}/`))
    : [];
