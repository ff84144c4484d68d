import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 10;

/** CPU time of a process and all its threads, user and system, in milliseconds; what it waited for is not in it. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** A process and its living children. */
export function family(pid: number): readonly number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
  return [pid, ...children.map(Number)];
}

/** A child that ends while it is asked counts no more: PostgreSQL starts a worker every now and then. */
export function familyCpuMs(pid: number): number {
  const [own = pid, ...children] = family(pid);
  return children.reduce((sum, child) => sum + cpuOrNothingMs(child), cpuMs(own));
}

function cpuOrNothingMs(pid: number): number {
  try {
    return cpuMs(pid);
  } catch {
    return 0;
  }
}

/** Memory that a process holds in RAM, in megabytes. */
export function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kilobytes) / 1024;
}
