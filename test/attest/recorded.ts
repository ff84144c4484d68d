import { MandateError } from '../../src/domain/errors';
import type { AncestorView, ExeHandle, Observation, ProcessView } from '../../src/domain/ports';

/** A /proc/PID as it was recorded, with the name put where the kernel puts it. */
const STAT = (name: string, tty: number): string =>
  `41207 (${name}) S 41200 41207 41200 ${tty} 41207 4194304 9 0 0 0 1 2 0 0 20 0 11 0 777123 1234567 890 18446744073709551615 ` +
  '94100000000000 94100000100000 140720000000000 0 0 0 0 4096 17475 0 0 0 17 1 0 0 0 0 0 94100000200000 94100000300000 94100000400000 1 2 3 4 0\n';

export interface Recorded {
  readonly name?: string;
  readonly tty?: number;
  readonly uid?: number;
  readonly groups?: string;
  readonly cgroup?: string;
  readonly cgroupId?: string;
  readonly exe?: string;
  readonly sameMounts?: boolean;
  readonly file?: Partial<ExeHandle>;
  readonly ancestors?: readonly Partial<AncestorView>[];
  readonly capEff?: string;
  readonly unreadable?: readonly string[];
}

/** A view of a recorded process. What is listed as `unreadable` fails as the kernel would make it fail. */
export function recorded(process: Recorded = {}): ProcessView & { opened: number } {
  const uid = process.uid ?? 1000;
  const files: Readonly<Record<string, string>> = {
    stat: STAT(process.name ?? 'agent', process.tty ?? 0),
    status: `Name:\t${(process.name ?? 'agent').replaceAll('\n', '\\n')}\nTracerPid:\t0\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGroups:\t${process.groups ?? ''} \nCapEff:\t${process.capEff ?? '0000000000000000'}\n`,
    cgroup: process.cgroup ?? '0::/\n',
  };
  const guard = (name: string): void => {
    if (process.unreadable?.includes(name)) throw new MandateError('E_ATTEST_UNREADABLE', { saw: name });
  };
  const view = {
    key: 'boot:1',
    pid: 41207,
    uid,
    gid: 1000,
    startTicks: '777123',
    opened: 0,
    alive: () => true,
    recheck: () => undefined,
    read: (file: string) => {
      guard(file);
      return files[file] ?? '';
    },
    link: (name: string) => {
      guard(name);
      return process.exe ?? '/usr/bin/agent';
    },
    openExe: () => {
      guard('exe');
      view.opened += 1;
      return { fd: -1, inode: '1:2', sizeBytes: 3, ownerUid: 0, mode: 0o100755, ...process.file, close: () => void (view.opened -= 1) };
    },
    ancestors: () => ({
      chain: (process.ancestors ?? []).map((ancestor, i) => ({
        key: `boot:${i + 2}`,
        pid: 100 + i,
        uid: 1000,
        exe: '/bin/sh',
        ...ancestor,
      })),
      end: 'init',
    }),
    cgroupId: () => process.cgroupId,
    sameMounts: () => process.sameMounts ?? true,
  };
  return view;
}

/** Observations as lines: `name=value (assurance)`. */
export const lines = (observations: readonly Observation[]): string[] =>
  observations.map(({ name, value, assurance }) => `${name}=${value} (${assurance})`);
