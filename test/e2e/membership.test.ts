import { closeSync, constants, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { AGENT, AgentProcess, launchAgent, ownProgram, startAgent } from './agent-process';
import { Installation, MANDATE } from '../running/installation';
import { noGroups } from '../running/control-groups';
import { until } from '../supervision/until';
import { describeTerminal, onTerminal } from './terminal';

jest.setTimeout(120_000);

/** A launcher that adopts nobody. */
const LAUNCHER = path.join(__dirname, 'launcher.js');

let mandate: Installation;
beforeAll(async () => {
  mandate = await Installation.start();
});
afterAll(() => mandate.end());

interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly state: 'running' | 'ended';
  readonly pid: number | null;
  readonly processes: number;
}
const agents = async () => (await mandate.json<{ agents: AgentRow[] }>('agents', 'ls', '--all')).agents;
const named = async (name: string) => (await agents()).filter((agent) => agent.name.startsWith(`${name}-`));

/** What is seen once it holds: the end of a process is told to the server in its own time. */
const eventually = async <T>(what: string, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
  const { seen } = await until(what, async () => {
    const now = await look();
    return holds(now) && { seen: now };
  });
  return seen;
};

const firstSvid = async (agent: AgentProcess) => (await agent.until('an SVID', ({ event }) => event === 'x509')).svids![0]!;

interface Trace {
  readonly hops: readonly {
    readonly kind: string;
    readonly id: string;
    readonly assurance: string;
    readonly source: string;
    readonly attributes: object;
  }[];
  readonly delegator: { readonly name: string; readonly uid: number; readonly given: string } | null;
  readonly complete: boolean;
  readonly stopsAt: { readonly kind: string; readonly code: string } | null;
}
const trace = (reference: string) => mandate.json<Trace>('trace', reference);
const hop = ({ hops }: Trace, kind: string) => hops.find((one) => one.kind === kind);

describe('who belongs to a launch', () => {
  it('the program itself, its child and its grandchild, each with a key of its own', async () => {
    const script = '"$0" svid -o json >a.json; sh -c \'"$0" svid -o json >b.json; true\' "$0"; exec "$0" svid -o json';
    const { code, stdout } = await mandate.mandate(['run', '--name', 'family', '--', 'sh', '-c', script, MANDATE]);
    expect(code).toBe(0);
    const serials = [
      readFileSync(path.join(mandate.home, 'a.json'), 'utf8'),
      readFileSync(path.join(mandate.home, 'b.json'), 'utf8'),
      stdout,
    ].map((text) => (JSON.parse(text) as { svids: { serial: string }[] }).svids[0]!.serial);
    expect(new Set(serials).size).toBe(3);
    const traces = await Promise.all(serials.map(trace));
    expect(new Set(traces.map((one) => hop(one, 'agent')!.id)).size).toBe(1);
    expect(new Set(traces.map((one) => hop(one, 'process')!.id)).size).toBe(3);
    expect(await named('family')).toHaveLength(1);
  });

  describe('a process whose parent ended', () => {
    // The orphan asks once its parent, a shell that ends at once, is no longer the one that started it.
    const ORPHAN =
      'while read -r _ _ _ parent _ </proc/$$/stat; [ "$parent" = "$1" ]; do :; done; "$2" svid -o json >orphan.out 2>&1; echo $? >orphan.code';
    const script = `sh -c 'sh orphan.sh $$ "$0" & exit 0' "$0"; while ! [ -s orphan.code ]; do :; done; "$0" svid -o json`;
    const told = () => ['code', 'out'].map((what) => readFileSync(path.join(mandate.home, `orphan.${what}`), 'utf8'));
    beforeEach(() => {
      writeFileSync(path.join(mandate.home, 'orphan.sh'), ORPHAN);
      rmSync(path.join(mandate.home, 'orphan.code'), { force: true });
    });

    it('stays a member: by the control group of the launch, or as a child of the launched process', async () => {
      expect(await mandate.mandate(['run', '--name', 'forker', '--', 'sh', '-c', script, MANDATE])).toMatchObject({ code: 0 });
      const [code, out] = told();
      expect(code).toBe('0\n');
      const { svids } = JSON.parse(out!) as { svids: { serial: string }[] };
      expect(hop(await trace(svids[0]!.serial), 'agent')!.id).toBe((await named('forker'))[0]!.id);
    });

    const without = noGroups === undefined ? it.skip : it;
    without('is none where neither a control group nor the launched process keeps it: it is refused, never guessed', async () => {
      const leaving = await mandate.run(process.execPath, [LAUNCHER, '/bin/sh', '/bin/sh', '-c', script, MANDATE]);
      expect(leaving).toMatchObject({ code: 0 });
      const [code, out] = told();
      expect(code).toBe('3\n');
      expect(out).toContain('E_NO_RULE');
    });
  });

  it('a process that was pinned while its parent lived, until it ends; the launch ends with it', async () => {
    const gate = path.join(mandate.home, 'gate');
    await mandate.run('mkfifo', [gate]);
    const script = '"$0" "$1" x509 <&3 3<&- & exec 3<&-; read -r _ <"$2"; exit 9';
    const shell = ['run', '--name', 'parent', '--', 'sh', '-c', script, process.execPath, AGENT, gate];
    const agent = new AgentProcess(mandate.spawn(MANDATE, shell, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] }));
    const { serial } = await firstSvid(agent);
    const exit = new Promise((resolve) => agent.child.once('exit', resolve));
    const opened = openSync(gate, constants.O_RDWR | constants.O_NONBLOCK);
    writeSync(opened, '\n');
    expect(await exit).toBe(9);
    closeSync(opened);

    agent.open('jwt');
    await agent.until('a JWT-SVID', ({ event }) => event === 'jwt');
    expect(await named('parent')).toMatchObject([{ state: 'running' }]);
    agent.closeInput();
    const [ended] = await eventually(
      'the launch has ended',
      () => named('parent'),
      ([one]) => one?.state === 'ended',
    );
    expect(hop(await trace(serial!), 'agent')!.id).toBe(ended!.id);
  });

  it('mandate run inside a launch: the same agent, no new root', async () => {
    const script = '"$0" run --name inner -- "$0" svid -o json';
    const { stdout } = await mandate.mandate(['run', '--name', 'outer', '--', 'sh', '-c', script, MANDATE]);
    const { svids } = JSON.parse(stdout) as { svids: { serial: string }[] };
    const [outer] = await named('outer');
    expect(hop(await trace(svids[0]!.serial), 'agent')!.id).toBe(outer!.id);
    expect(await named('inner')).toEqual([]);
    const joined = await mandate.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind = 'launch-joined' AND agent_id = $1`, [
      outer!.id,
    ]);
    expect(joined.map(({ record }) => record.toString())).toEqual([expect.stringContaining('"inner"')]);
  });
});

describeTerminal('how a delegation is given', () => {
  const shown = async (name: string) => {
    const [agent] = await named(name);
    return mandate.json<{ delegation: { given: string; delegator: { uid: number } | null }; launch: { terminal: boolean } | null }>(
      'agents',
      'show',
      agent!.name,
    );
  };
  const human = process.getuid!() >= 1000;

  it('launched at a terminal', async () => {
    expect(await mandate.run(...onTerminal('"$M" run --name at-terminal -- true'), { env: { M: MANDATE } })).toMatchObject({ code: 0 });
    const { delegation, launch } = await shown('at-terminal');
    expect(delegation).toMatchObject({ given: 'launched', delegator: human ? { uid: process.getuid!() } : null });
    expect(launch).toMatchObject({ terminal: true });
  });

  it('implicit without one', async () => {
    expect(await mandate.mandate(['run', '--name', 'no-terminal', '--', 'true'])).toMatchObject({ code: 0 });
    expect((await shown('no-terminal')).delegation.given).toBe('implicit');
  });

  it('implicit at a terminal that an agent made', async () => {
    const program = ownProgram(mandate, 'opener');
    await mandate.apply({ name: 'opener', match: { 'binary.sha256': program.sha256 }, issue: { id: '/opener' } });
    const agent = startAgent(mandate, program.path, ['x509'], { env: { M: MANDATE } });
    await firstSvid(agent);
    const [script, args] = onTerminal('"$M" run --name by-agent -- true');
    expect(await agent.run(script, ...args)).toBe(0);
    expect((await shown('by-agent')).delegation.given).toBe('implicit');
    await agent.end();
  });
});

describe('a trace', () => {
  it('is the same when the process is long gone, after a restart, and while the node does not answer', async () => {
    const agent = launchAgent(mandate, 'traced', process.execPath, ['x509']);
    const { serial } = await firstSvid(agent);
    const alive = await trace(serial!);
    expect(alive.hops.map(({ kind }) => kind)).toEqual([
      'process',
      'agent',
      'launch',
      'delegation',
      'issuer',
      'device',
      ...(alive.complete ? ['delegator'] : []),
    ]);
    if (process.getuid!() >= 1000) {
      expect(alive).toMatchObject({ complete: true, stopsAt: null, delegator: { uid: process.getuid!() } });
    } else {
      expect(alive).toMatchObject({ complete: false, delegator: null, stopsAt: { kind: 'delegator', code: 'STOP_ROOT' } });
    }
    await agent.end();
    await mandate.down();
    await mandate.up();
    const later = await trace(serial!);
    const links = ({ hops }: Trace) => hops.map(({ kind, id, assurance, source }) => ({ kind, id, assurance, source }));
    expect(links(later)).toEqual(links(alive));
    expect(hop(later, 'process')!.attributes).toMatchObject({
      ...hop(alive, 'process')!.attributes,
      endReason: 'exit',
      endedAt: expect.any(String),
    });
    expect(later.delegator).toEqual(alive.delegator);

    const { parts } = await mandate.json<{ parts: { name: string; pid: number }[] }>('status');
    const node = parts.find(({ name }) => name === 'node')!.pid;
    process.kill(node, 'SIGSTOP');
    try {
      expect(await trace(serial!)).toEqual(later);
    } finally {
      process.kill(node, 'SIGCONT');
    }
  });
});
