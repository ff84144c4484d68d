/** What the kernel writes about control groups (cgroups(7), Documentation/admin-guide/cgroup-v2.rst), as values. */

/** One mount of the unified hierarchy: which part of it is mounted, and where. */
export interface Cgroup2Mount {
  readonly root: string;
  readonly at: string;
}

/**
 * Every mount of cgroup2 in a /proc/PID/mountinfo text, in its order (proc_pid_mountinfo(5)). Several are possible, and one may lie
 * beneath another mount: the text alone does not say which path really leads there.
 */
export function cgroup2Mounts(mountinfo: string): readonly Cgroup2Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ', 2);
    const [, , , root, at] = before?.split(' ') ?? [];
    if (after?.split(' ')[0] !== 'cgroup2' || root === undefined || at === undefined) return [];
    return [{ root: unescaped(root), at: unescaped(at) }];
  });
}

/** Space, tab, newline and backslash are written as three octal digits. */
const unescaped = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));

const UNIFIED = '0::';

/** The path of the `0::` line of a /proc/PID/cgroup text; undefined where the process is in no unified hierarchy. */
export const unifiedPath = (cgroup: string): string | undefined =>
  cgroup
    .split('\n')
    .find((line) => line.startsWith(UNIFIED))
    ?.slice(UNIFIED.length) || undefined;

/** The same text with another path in the `0::` line; lines of other hierarchies stay. */
export const withUnifiedPath = (cgroup: string, path: string): string =>
  cgroup
    .split('\n')
    .map((line) => (line.startsWith(UNIFIED) ? `${UNIFIED}${path}` : line))
    .join('\n');

/** Whether a `cgroup.events` text says that a process lives in the group or below it. What is not understood counts as living. */
export const isPopulated = (events: string): boolean => !/^populated 0$/m.test(events);

const SERVER_UNIT = 'mandate-server.service';
const NODE_UNIT = 'mandate-node.service';

/**
 * Whether a process is in the unit of the node, by its own /proc/PID/cgroup text and the server's. Where the server is in no unit of its own,
 * as without systemd, control groups say nothing and every process may be.
 */
export function isNodeUnit(cgroup: string, serverCgroup: string): boolean {
  const unified = (text: string): string => /^0::(.*)$/m.exec(text)?.[1] ?? '';
  const server = unified(serverCgroup);
  if (!server.endsWith(`/${SERVER_UNIT}`)) return true;
  return unified(cgroup) === `${server.slice(0, -SERVER_UNIT.length)}${NODE_UNIT}`;
}
