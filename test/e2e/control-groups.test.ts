import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { unifiedPath } from '../../src/domain/cgroup-text';
import type { GroupTree } from '../../src/system/group-tree';
import { groupsOf, noGroups } from '../running/control-groups';
import { until } from '../supervision/until';
import { type Finished, finished, Installation, MANDATE } from '../running/installation';

jest.setTimeout(120_000);

/** Accounts that need no entry anywhere. */
const LAUNCHER = 41_001;
const STRANGER = 41_002;

interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly state: 'running' | 'ended';
  readonly pid: number;
}
interface Who {
  readonly agent: { readonly name: string } | null;
  readonly facts: readonly { readonly selector: string; readonly value: string }[];
}
interface Shown {
  readonly launch: { readonly id: string; readonly membership: string; readonly groupMissing: string | null };
  readonly processes: readonly { readonly pid: number; readonly membership: string | null }[];
}
interface Stopped {
  readonly by: string;
  readonly processes: number;
  readonly stopped: boolean;
  readonly left: number;
}

let mandate: Installation;

/** What is seen once it holds: the end of a process is told in its own time. */
const eventually = async <T>(what: string, look: () => T | Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
  const { seen } = await until(what, async () => {
    const now = await look();
    return holds(now) && { seen: now };
  });
  return seen;
};
const agent = async (name: string): Promise<AgentRow> => {
  const { agents } = await mandate.json<{ agents: AgentRow[] }>('agents', 'ls', '--all');
  return agents.find((one) => one.name.startsWith(`${name}-`))!;
};
const ended = (name: string) =>
  eventually(
    `${name} has ended`,
    () => agent(name),
    ({ state }) => state === 'ended',
  );
const written = (file: string): Promise<string> =>
  eventually(
    file,
    () => (existsSync(path.join(mandate.home, file)) ? readFileSync(path.join(mandate.home, file), 'utf8') : ''),
    (text) => text.endsWith('\n'),
  );
const nodePid = async (): Promise<number | null | undefined> => {
  const { parts } = await mandate.json<{ parts: { name: string; pid: number | null }[] }>('status');
  return parts.find(({ name }) => name === 'node')?.pid;
};
const lives = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

/**
 * Starts an agent whose program ends at once and leaves a process behind that was forked twice in sessions of its own and whose parents
 * have ended. It says its pid in NAME.pid once its parent has ended, and does what it is told next.
 */
async function daemon(name: string, then: string, account: { uid?: number } = {}): Promise<number> {
  const inner = `while read -r _ _ _ parent _ </proc/$$/stat; [ "$parent" = "$1" ]; do :; done; echo $$ >${name}.pid; ${then}`;
  const outer = `setsid sh -c 'setsid sh -c "$1" "$0" $$ &' "$0" "$1"`;
  const { code } = await mandate.run(MANDATE, ['run', '--name', name, '--', 'sh', '-c', outer, MANDATE, inner], {
    ...account,
    stdio: 'ignore',
  });
  expect(code).toBe(0);
  return Number(await written(`${name}.pid`));
}

const describeGroups = noGroups === undefined ? describe : describe.skip;
if (noGroups !== undefined) process.stdout.write(`tests of control groups are skipped: ${noGroups}\n`);

describeGroups('a launch in a control group of its own', () => {
  let tree: GroupTree;
  const groups = () => readdirSync(tree.path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  beforeAll(async () => {
    mandate = await Installation.start();
    tree = groupsOf(mandate.state);
  });
  afterAll(async () => {
    await mandate.end();
    expect(existsSync(tree.path)).toBe(false);
  });

  it('who forked twice and was handed to init is the same agent, shown where the launch came from, and administers nothing', async () => {
    const script =
      '"$0" svid -o json >svid.out 2>&1; "$0" rules ls >rules.out 2>&1; "$0" agents stop daemon -y >stop.out 2>&1; echo done >asked; exec sleep 600';
    const pid = await daemon('daemon', script);
    expect(await written('asked')).toBe('done\n');
    const { name } = await agent('daemon');
    const { svids } = JSON.parse(await written('svid.out')) as { svids: { serial: string }[] };
    const { hops } = await mandate.json<{ hops: { kind: string; attributes: Record<string, unknown> }[] }>('trace', svids[0]!.serial);
    expect(hops.find(({ kind }) => kind === 'agent')?.attributes['name']).toBe(name);
    expect(hops.find(({ kind }) => kind === 'process')?.attributes['membership']).toBe('cgroup');
    expect(hops.find(({ kind }) => kind === 'launch')?.attributes['membership']).toBe('cgroup');

    const { agent: known, facts } = await mandate.json<Who>('who', String(pid));
    const fact = (selector: string) => facts.find((one) => one.selector === selector)?.value;
    expect(known?.name).toBe(name);
    expect([fact('launch.via'), fact('cgroup.path'), fact('cgroup.id')]).toEqual([
      'cgroup',
      unifiedPath(readFileSync('/proc/self/cgroup', 'latin1')),
      undefined,
    ]);
    for (const file of ['rules.out', 'stop.out']) expect(await written(file)).toContain('E_AGENT_NOT_ADMIN');
    const refused = await mandate.query(`SELECT 1 FROM event WHERE kind = 'admin-refused' AND code = 'E_AGENT_NOT_ADMIN'`);
    expect(refused).toHaveLength(2);

    // The program it was launched as is long gone; the launch is not.
    expect(await agent('daemon')).toMatchObject({ state: 'running' });
    expect(groups()).toHaveLength(1);
    process.kill(pid, 'SIGKILL');
    await ended('daemon');
    await eventually('the group is gone', groups, (left) => left.length === 0);
  });

  it('a node that was killed and started again finds agents alive and members, and has ended none', async () => {
    const daemonPid = await daemon('kept', 'exec sleep 600');
    const program = mandate.spawn(MANDATE, ['run', '--name', 'program', '--', 'sleep', '600'], { stdio: 'ignore' });
    await eventually(
      'it runs',
      () => readFileSync(`/proc/${program.pid}/comm`, 'utf8'),
      (comm) => comm === 'sleep\n',
    );
    // One that ends while no node runs: its folder is cleared away by the next one.
    const gone = await daemon('gone', 'exec sleep 600');
    const node = (await nodePid())!;
    process.kill(node, 'SIGSTOP');
    process.kill(gone, 'SIGKILL');
    await eventually(
      'it is gone',
      () => lives(gone),
      (there) => !there,
    );
    process.kill(node, 'SIGKILL');
    await eventually('another node', nodePid, (pid) => typeof pid === 'number' && pid !== node);
    await eventually(
      'it is linked',
      () => mandate.json<{ ready: boolean }>('status'),
      ({ ready }) => ready,
    );

    expect([lives(daemonPid), lives(program.pid!)]).toEqual([true, true]);
    for (const [pid, name, via] of [
      [daemonPid, 'kept', 'cgroup'],
      [program.pid!, 'program', 'pinned'],
    ] as const) {
      const who = await mandate.json<Who>('who', String(pid));
      expect(who.agent?.name).toBe((await agent(name)).name);
      expect(who.facts.find(({ selector }) => selector === 'launch.via')?.value).toBe(via);
    }
    await ended('gone');
    await eventually('one group for each launch', groups, (left) => left.length === 2);
    program.kill('SIGKILL');
    process.kill(daemonPid, 'SIGKILL');
    await ended('program');
    await ended('kept');
    await eventually('the groups are gone', groups, (left) => left.length === 0);
  });

  it('agents stop ends a tree that forks faster than it could be listed', async () => {
    const forking =
      'fork() { while :; do (setsid sleep 0.2 &); done; }; trap "" TERM; fork & fork & setsid sh -c "while :; do (sleep 0.2 &); done" & echo up >forks.up; wait';
    const program = mandate.spawn(MANDATE, ['run', '--name', 'forks', '--', 'sh', '-c', forking], { stdio: 'ignore' });
    const exit = finished(program);
    await written('forks.up');
    const { id, name } = await agent('forks');
    const { launch } = await mandate.json<Shown>('agents', 'show', name);
    expect(launch).toMatchObject({ membership: 'cgroup', groupMissing: null });

    const refused = await mandate.mandate(['agents', 'stop', name]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('end now');
    expect(lives(program.pid!)).toBe(true);

    expect(await mandate.json<Stopped>('agents', 'stop', String(program.pid), '-y')).toMatchObject({
      by: 'cgroup',
      stopped: true,
      left: 0,
    });
    expect((await exit).signal).toBe('SIGKILL');
    expect(tree.populated(launch.id)).toBe(false);
    await ended('forks');
    await eventually('the group is gone', groups, (left) => left.length === 0);
    const [order] = await mandate.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind = 'agent-stopped' AND agent_id = $1`, [
      id,
    ]);
    expect(JSON.parse(order!.record.toString())).toMatchObject({ data: { launchId: launch.id, uid: 0, pid: expect.any(Number) } });
    const [end] = await mandate.query<{ reason: string }>(`SELECT reason FROM ended WHERE kind = 'launch' AND id = $1`, [launch.id]);
    expect(end).toEqual({ reason: 'stopped' });
    expect(await mandate.mandate(['agents', 'stop', name, '-y'])).toMatchObject({ code: 7 });
  });

  it('who launched an agent may stop it, from outside every agent; nobody else who is not an administrator', async () => {
    const home = { stdio: 'ignore' as const, uid: LAUNCHER, cwd: '/' };
    const program = mandate.spawn(MANDATE, ['run', '--name', 'theirs', '--', 'sleep', '600'], home);
    const { name } = await eventually(
      'it is launched',
      () => agent('theirs'),
      (found) => found !== undefined,
    );
    const as = (uid: number, ...args: string[]): Promise<Finished> => mandate.run(MANDATE, args, { uid, cwd: '/' });

    expect(await as(STRANGER, 'agents', 'stop', name, '-y')).toMatchObject({ code: 7 });
    const byAgent = await as(LAUNCHER, 'run', '--', MANDATE, 'agents', 'stop', name, '-y');
    expect([byAgent.code, byAgent.stderr]).toEqual([4, expect.stringContaining('E_AGENT_NOT_ADMIN')]);
    expect(lives(program.pid!)).toBe(true);
    expect(await as(LAUNCHER, 'agents', 'stop', name, '-y')).toMatchObject({ code: 0 });
    await ended('theirs');
  });
});

describe('a launch without a control group', () => {
  const account = noGroups === undefined ? { uid: LAUNCHER, gid: LAUNCHER } : {};
  beforeAll(async () => {
    mandate = await Installation.start(account);
  });
  afterAll(() => mandate.end());

  it('goes on by pinned ancestry, and says so where people look', async () => {
    const program = mandate.spawn(MANDATE, ['run', '--name', 'plain', '--', 'sh', '-c', 'sleep 600 & wait'], {
      ...account,
      stdio: 'ignore',
    });
    await eventually(
      'it runs',
      () => readFileSync(`/proc/${program.pid}/comm`, 'utf8'),
      (comm) => comm === 'sh\n',
    );
    const run = (...args: string[]) => mandate.mandate([...args, '-o', 'json'], account);
    const answer = async <T>(...args: string[]) => JSON.parse((await run(...args)).stdout) as T;
    const { agents } = await answer<{ agents: AgentRow[] }>('agents', 'ls');
    const { name } = agents.find((one) => one.name.startsWith('plain-'))!;

    const { launch, processes } = await answer<Shown>('agents', 'show', name);
    const missing = account.uid === undefined ? noGroups : 'the node does not run as root';
    expect(launch).toMatchObject({ membership: 'ancestry', groupMissing: missing });
    expect(processes).toMatchObject([{ pid: program.pid, membership: 'pinned' }]);
    const { notes } = await answer<{ notes: string[] }>('status');
    expect(notes.filter((note) => note.includes(missing!))).toHaveLength(1);

    const below = () => readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8').trim();
    const children = (await eventually('it has a child', below, (text) => text !== '')).split(' ').map(Number);
    expect(await answer<Stopped>('agents', 'stop', name, '-y')).toMatchObject({ by: 'ancestry', processes: 1 + children.length, left: 0 });
    expect(children.filter(lives)).toEqual([]);
  });

  it('keeps who lost its parent as a child of the launched process', async () => {
    const script = '"$0" svid >orphan.out 2>&1; echo $? >orphan.code';
    const inner = `while read -r _ _ _ parent _ </proc/$$/stat; [ "$parent" = "$1" ]; do :; done; ${script}`;
    const { code } = await mandate.mandate(
      [
        'run',
        '--name',
        'orphaned',
        '--',
        'sh',
        '-c',
        `setsid sh -c 'setsid sh -c "$1" "$0" $$ &' "$0" "$1"; while ! [ -s orphan.code ]; do :; done`,
        MANDATE,
        inner,
      ],
      { ...account, stdio: 'ignore' },
    );
    expect(code).toBe(0);
    expect(await written('orphan.code')).toBe('0\n');
    expect(await written('orphan.out')).toContain('/agent/');
  });
});
