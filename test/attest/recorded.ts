import { createHash } from 'node:crypto';
import { normalize } from 'node:path';
import { MandateError } from '../../src/domain/errors';
import type {
  AgentAsked,
  AncestorView,
  ExeHandle,
  FoundText,
  MappedCode,
  Observation,
  PatientReader,
  ProcessView,
  WantedText,
} from '../../src/domain/attestation';
import { governedAgent } from '../../src/domain/governed-by';
import { type RunningScript, runningScript } from '../../src/domain/running-script';

/** A /proc/PID as it was recorded, with the name put where the kernel puts it. */
const STAT = (name: string, session: number, tty: number): string =>
  `41207 (${name}) S 41200 41207 ${session} ${tty} 41207 4194304 9 0 0 0 1 2 0 0 20 0 11 0 777123 1234567 890 18446744073709551615 ` +
  '94100000000000 94100000100000 140720000000000 0 0 0 0 4096 17475 0 0 0 17 1 0 0 0 0 0 94100000200000 94100000300000 94100000400000 1 2 3 4 0\n';

export interface Recorded {
  readonly name?: string;
  readonly tty?: number;
  readonly session?: number;
  /** Text of /proc/PID/loginuid and of sessionid; without it the kernel has neither. */
  readonly login?: readonly [uid: string, session: string];
  /** Lines of /proc/PID/status in place of those of a process that nothing confines. */
  readonly status?: string;
  readonly cwd?: string;
  /** Links below ns, where they are not the node's. */
  readonly namespaces?: Readonly<Record<string, string>>;
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
    stat: STAT(process.name ?? 'agent', process.session ?? 41200, process.tty ?? 0),
    status:
      `Name:\t${(process.name ?? 'agent').replaceAll('\n', '\\n')}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGroups:\t${process.groups ?? ''} \n` +
      (process.status ?? 'TracerPid:\t0\nNoNewPrivs:\t0\nSeccomp:\t0\n') +
      `CapEff:\t${process.capEff ?? '0000000000000000'}\n`,
    cgroup: process.cgroup ?? '0::/\n',
    ...(process.login && { loginuid: process.login[0], sessionid: process.login[1] }),
  };
  const links: Readonly<Record<string, string>> = {
    exe: process.exe ?? '/usr/bin/agent',
    cwd: process.cwd ?? '/work/project',
    ...NAMESPACES,
    ...process.namespaces,
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
      const text = files[file];
      if (text === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: `ENOENT at /proc/PID/${file}` });
      return text;
    },
    link: (name: string) => {
      guard(name);
      return links[name] ?? '';
    },
    image: {},
    openFolder: () => ({ fd: -1, close: () => undefined }),
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

/** The namespaces of the node that looks at recorded processes. */
export const NAMESPACES = { 'ns/user': 'user:[1]', 'ns/mnt': 'mnt:[2]', 'ns/pid': 'pid:[3]', 'ns/net': 'net:[4]' } as const;

/** What a recorded process says in its memory, has mapped, and shows of its files: content by path. */
export interface RecordedReads {
  readonly args?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly code?: Partial<MappedCode>;
  /** `undefined` as content stands for a file that may not be read. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  /** Links that lead to files. */
  readonly links?: Readonly<Record<string, string>>;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Reads what was recorded; `looks` counts the files that were asked for. */
export function recordedReads({
  args = [],
  variables = {},
  code,
  files = {},
  links = {},
}: RecordedReads): PatientReader & { looks: number } {
  const at = (cwd: string, path: string): string => {
    const absolute = normalize(path.startsWith('/') ? path : `${cwd}/${path}`);
    return links[absolute] ?? absolute;
  };
  const reader = {
    looks: 0,
    ownWords: async () => ({ args, variables: new Set(Object.keys(variables)), places: new Map(Object.entries(variables)) }),
    script: async (view: ProcessView) => {
      const { args: said } = await reader.ownWords();
      return runningScript(view.link('exe'), said, {
        file: (paths) => reader.file(view, paths),
        texts: (wanted) => reader.texts(view, wanted),
      });
    },
    code: async () => ({ foreign: [], complete: true, fileSystem: 'ext', replaceable: false, ...code }),
    file: async (view: ProcessView, paths: readonly string[]) => {
      reader.looks += 1;
      for (const path of paths.map((one) => at(view.link('cwd'), one))) {
        const content = files[path];
        if (content !== undefined) return { path, sha256: sha256(content) };
      }
      return undefined;
    },
    texts: async (view: ProcessView, wanted: readonly WantedText[]) =>
      wanted.map(({ path, text, firstLine }): FoundText => {
        const place = at(view.link('cwd'), path);
        const content = files[place];
        if (content === undefined) return { state: place in files ? 'refused' : 'absent' };
        if (firstLine === true) return { state: 'read', sha256: '', text: content.split('\n', 1)[0]! };
        return { state: 'read', sha256: sha256(content), ...(text === true && { text: content }) };
      }),
    agentAhead: () => undefined,
    agent: async (view: ProcessView, { home, launched }: AgentAsked, script: RunningScript | undefined) =>
      governedAgent(
        { exe: view.link('exe'), package: script?.package, launched },
        { home, project: view.link('cwd'), said: new Map(Object.entries(variables)) },
        (wanted) => reader.texts(view, wanted),
      ),
  };
  return reader;
}

/** Observations as lines: `name=value (assurance)`. */
export const lines = (observations: readonly Observation[]): string[] =>
  observations.map(({ name, value, assurance }) => `${name}=${value} (${assurance})`);
