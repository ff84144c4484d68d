import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { unifiedPath } from '../../src/domain/cgroup-text';
import type { GroupTree } from '../../src/system/group-tree';
import { describeGroups, groupsOf, noGroups } from '../running/control-groups';
import { Installation, MANDATE } from '../running/installation';

jest.setTimeout(120_000);

/** An account that needs no entry anywhere. */
const LAUNCHER = 41_001;

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
let mandate: Installation;

/** Looks until it holds: the end of a process is told in its own time. */
async function eventually<T>(what: string, look: () => T | Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const until = Date.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > until) throw new Error(`${what}: ${JSON.stringify(seen)}`);
  }
}
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
    const script = '"$0" svid -o json >svid.out 2>&1; "$0" rules ls >rules.out 2>&1; echo done >asked; exec sleep 600';
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
    expect(await written('rules.out')).toContain('E_AGENT_NOT_ADMIN');
    const refused = await mandate.query(`SELECT 1 FROM event WHERE kind = 'admin-refused' AND code = 'E_AGENT_NOT_ADMIN'`);
    expect(refused).toHaveLength(1);

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
  });

  it('loses who is handed to init', async () => {
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
    expect(await written('orphan.code')).toBe('3\n');
    expect(await written('orphan.out')).toContain('E_NO_RULE');
  });
});
