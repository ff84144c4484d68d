/** The text formats of /proc (proc(5)), read without trusting the parts of them that a process can choose. */

export interface Stat {
  readonly ppid: number;
  /** Pid of the leader of its session. */
  readonly session: number;
  /** Device number of the controlling terminal; 0 where there is none. */
  readonly tty: number;
  /** Clock ticks from boot to the start of the process, decimal. */
  readonly startTicks: string;
  /** Addresses that exec chooses anew: start_code, start_stack, start_brk. */
  readonly layout: readonly [startCode: string, startStack: string, startBrk: string];
}

/** What follows the name, from field 3 of proc(5) on: 4, 6, 7, 22, 26, 28 and 47 are taken. */
const AFTER_NAME = /^\S (-?\d+) \S+ (-?\d+) (-?\d+)(?: \S+){14} (\d+)(?: \S+){3} (\d+) \S+ (\d+)(?: \S+){18} (\d+)(?!\S)/;

/** Parses /proc/PID/stat; undefined where it is cut short. The name in it may hold anything, `)` and newlines included. */
export function parseStat(text: string): Stat | undefined {
  const end = text.lastIndexOf(')');
  const [, ppid, session, tty, startTicks, code, stack, brk] = (end < 0 ? undefined : AFTER_NAME.exec(text.slice(end + 2))) ?? [];
  if (brk === undefined) return undefined;
  return { ppid: Number(ppid), session: Number(session), tty: Number(tty), startTicks: startTicks!, layout: [code!, stack!, brk] };
}

/** The kernel shows 0 and 1 in place of addresses to readers who may not see them. */
export const layoutReadable = (stat: Stat): boolean => stat.layout[1] !== '0';

/** Value of one line of /proc/PID/status; undefined where there is none. The name in its first line is escaped by the kernel. */
export function statusField(status: string, name: string): string | undefined {
  const start = status.startsWith(`${name}:`) ? 0 : status.indexOf(`\n${name}:`) + 1;
  if (start === 0 && !status.startsWith(`${name}:`)) return undefined;
  const end = status.indexOf('\n', start);
  return status.slice(start + name.length + 1, end < 0 ? undefined : end).trim();
}

const isId = (text: string | undefined): text is string => text !== undefined && /^\d{1,10}$/.test(text);

/** Real, effective, saved and file system id of a `Uid` or `Gid` line. */
export function statusIds(status: string, name: 'Uid' | 'Gid'): { readonly real: number; readonly effective: number } | undefined {
  const [real, effective] = (statusField(status, name) ?? '').split('\t');
  if (!isId(real) || !isId(effective)) return undefined;
  return { real: Number(real), effective: Number(effective) };
}

/** Supplementary groups of a /proc/PID/status text; none where it has no such line. */
export const statusGroups = (status: string): readonly number[] =>
  (statusField(status, 'Groups') ?? '').split(' ').filter(isId).map(Number);

const ADDR_NO_RANDOMIZE = 0x0040000;

/** True where a /proc/PID/personality text says that address randomisation is off. */
export const withoutRandomisation = (personality: string): boolean => (parseInt(personality, 16) & ADDR_NO_RANDOMIZE) !== 0;

/** Where the stack of a 64-bit process ends without randomisation: x86-64, and arm64 with 48 or 39 address bits. */
const FIXED_STACK_ENDS: readonly string[] = ['7ffffffff000', '1000000000000', '8000000000'];

/** The same from a /proc/PID/maps text, for readers who may not see the personality; true also where no stack is shown. */
export function stackNotRandomised(maps: string): boolean {
  const end = /^[0-9a-f]+-([0-9a-f]+) .*\[stack\]$/m.exec(maps)?.[1];
  return end === undefined || FIXED_STACK_ENDS.includes(end);
}
