import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { AgentsAnswer } from '../../src/domain/agent-answers';
import { decodeEvidence } from '../../src/domain/evidence-decode';
import type { Trace } from '../../src/domain/trace';
import { fileLogins } from '../../src/system/accounts';
import { Installation, MANDATE, ROOT, type RunOptions } from '../running/installation';
import { noGroups } from '../running/control-groups';
import { ordinaryAccount } from '../running/ordinary-account';

jest.setTimeout(120_000);

const account = ordinaryAccount();
const login = account && fileLogins().login(account.uid);
const missing =
  account === undefined
    ? 'the tests do not run as root'
    : login === undefined || !isFolder(login.home)
      ? 'no ordinary account with a home folder'
      : noGroups;
if (missing !== undefined) process.stderr.write(`skipped: agents under uids of their own: ${missing}\n`);
const describeHere = missing === undefined ? describe : describe.skip;

function isFolder(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

describeHere('mandate run --as-user', () => {
  let mandate: Installation;
  let project: string;
  const owner = account!;
  const home = login?.home ?? homedir();

  beforeAll(async () => {
    mandate = await Installation.start();
    project = path.join(mkdtempSync(path.join(home, '.mandate-test-')), 'project');
    mkdirSync(project);
    for (const folder of [path.dirname(project), project]) chownSync(folder, owner.uid, owner.gid);
  });
  afterAll(async () => {
    await mandate.end();
    rmSync(path.dirname(project), { recursive: true, force: true });
  });

  const launch = (args: readonly string[], options: RunOptions = {}) =>
    mandate.run(MANDATE, ['run', '--as-user', ...args], { ...owner, cwd: project, ...options, env: { HOME: home, ...options.env } });
  const says = async (script: string, options: RunOptions = {}, ...flags: string[]) => {
    const { code, stdout, stderr } = await launch([...flags, '--', 'sh', '-c', script], options);
    if (code !== 0) throw new Error(`${code}: ${stdout}${stderr}`);
    return stdout.trim().split('\n');
  };

  it('runs under a uid of its own with a name, with no group and no privilege', async () => {
    const [uid, name, groups, ...lines] = await says('id -u; whoami; id -G; grep -E "^(Cap|NoNew|Groups)" /proc/self/status');
    expect(Number(uid)).toBeGreaterThanOrEqual(1_900_000_000);
    expect([name, groups]).toEqual([`agent-${uid}`, uid]);
    expect(lines.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual([
      'Groups:',
      ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}: 0000000000000000`),
      'NoNewPrivs: 1',
    ]);
  });

  it('gives no uid twice', async () => {
    const uids = [await says('id -u'), await says('id -u')].flat();
    expect(new Set(uids).size).toBe(2);
  });

  it('shares the project: what it makes there is the human’s on disk, and the reverse', async () => {
    writeFileSync(path.join(project, 'given'), 'from the human');
    chownSync(path.join(project, 'given'), owner.uid, owner.gid);
    expect(await says('pwd; cat given; echo; echo more >>given; echo made >made; stat -c %u made given | uniq; id -u')).toEqual([
      project,
      'from the human',
      ...Array.from({ length: 2 }, () => expect.stringMatching(/^19000\d{5}$/) as string),
    ]);
    expect(statSync(path.join(project, 'made'))).toMatchObject({ uid: owner.uid, gid: owner.gid });
    expect(readFileSync(path.join(project, 'given'), 'utf8')).toBe('from the humanmore\n');
  });

  it('sees nothing else of the home folder, and keeps nothing in its own', async () => {
    const seen = await says('echo "$HOME"; ls -A "$HOME"; touch "$HOME/left"; umount "$HOME" 2>/dev/null && echo uncovered; true');
    expect(seen).toEqual([home, path.basename(path.dirname(project))]);
    expect(isFolder(path.join(home, 'left'))).toBe(false);
    expect(() => statSync(path.join(home, 'left'))).toThrow('ENOENT');
  });

  it('gets the variables that are listed and named, no other', async () => {
    const env = { SSH_AUTH_SOCK: '/s', GITHUB_TOKEN: 't', WANTED: 'w', LANG: 'C.UTF-8' };
    const names = (await says('env', { env }, '--env', 'WANTED')).map((line) => line.slice(0, line.indexOf('='))).sort();
    expect(names).toEqual(['HOME', 'LANG', 'LOGNAME', 'PATH', 'PWD', 'SHELL', 'SPIFFE_ENDPOINT_SOCKET', 'USER', 'WANTED']);
  });

  it.each([
    ['its status', 'exit 7', { code: 7, signal: null }],
    ['its signal', 'kill -TERM $$', { code: null, signal: 'SIGTERM' }],
    ['a signal that cannot be caught', 'kill -KILL $$', { code: null, signal: 'SIGKILL' }],
  ])('ends as the command ended: %s', async (_, script, end) => expect(await launch(['--', 'sh', '-c', script])).toMatchObject(end));

  it('streams are those of the launcher; signals reach the command', async () => {
    expect(await launch(['--', 'sh', '-c', 'cat; echo err >&2'], { input: 'in' })).toMatchObject({
      code: 0,
      stdout: 'in',
      stderr: 'err\n',
    });
    const child = mandate.spawn(MANDATE, ['run', '--as-user', '--', 'sh', '-c', 'trap "exit 9" USR1; echo ready; while :; do :; done'], {
      ...owner,
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    child.kill('SIGUSR1');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(9);
  });

  it.each([
    ['the home folder itself', () => ({ cwd: home }), [], 'the home folder would be in reach'],
    ['the root folder', () => ({ cwd: '/' }), [], 'belongs to whoever launches'],
    ['a folder of somebody else', () => ({}), ['--project', '/usr'], 'belongs to whoever launches'],
    ['no folder', () => ({}), ['--project', 'none'], 'cannot be opened'],
  ] as const)('refuses %s as a project', async (_, options, flags, why) => {
    const { code, stderr } = await launch([...flags, '--', 'true'], options());
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining(why) as string });
    expect(stderr).toContain('E_OWN_UID');
  });

  it('refuses what is inside a launch, and root', async () => {
    const inside = await mandate.run(MANDATE, ['run', '--', MANDATE, 'run', '--as-user', '--', 'true'], { ...owner, cwd: project });
    expect(inside).toMatchObject({ code: 125, stderr: expect.stringContaining('a launch within a launch') as string });
    const byRoot = await mandate.run(MANDATE, ['run', '--as-user', '--', 'true'], { cwd: project });
    expect(byRoot).toMatchObject({ code: 125, stderr: expect.stringContaining('for accounts of people') as string });
  });

  it('says what cannot be executed as plain run does', async () => {
    writeFileSync(path.join(project, 'gone.sh'), '#!/nonexistent/interpreter\n', { mode: 0o755 });
    chownSync(path.join(project, 'gone.sh'), owner.uid, owner.gid);
    const plain = await mandate.run(MANDATE, ['run', '--', './gone.sh'], { ...owner, cwd: project });
    expect((await launch(['--', './gone.sh'])).code).toBe(plain.code);
    expect(plain.code).toBe(127);
  });

  /** The facts that a credential rests on, by type. */
  const factsBehind = async (serial: string) => {
    const [row] = await mandate.query<{ canonical: Buffer }>(
      'SELECT e.canonical FROM evidence e JOIN credential c ON c.evidence_digest = e.digest WHERE c.serial = $1::uuid',
      [serial],
    );
    const { facts } = decodeEvidence(row!.canonical);
    return (type: string) => facts.find((found) => found.type === type);
  };

  it('acts for the human: identity, trace and facts', async () => {
    const { code, stdout, stderr } = await launch(['--name', 'apart', '--', MANDATE, 'svid', '-o', 'json']);
    if (code !== 0) throw new Error(stderr);
    const [svid] = (JSON.parse(stdout) as { svids: { spiffeId: string; serial: string }[] }).svids;
    const name = login?.name;
    expect(svid!.spiffeId).toMatch(new RegExp(`/agent/${name}$`));
    const trace = await mandate.json<Trace>('trace', svid!.serial);
    const hop = (kind: string) => trace.hops.find((found) => found.kind === kind)!.attributes;
    const { ownUid } = hop('launch');
    expect(trace).toMatchObject({ complete: true, delegator: { name, uid: owner.uid, assurance: 'os-account' } });
    expect(hop('launch')).toMatchObject({ user: name, uid: owner.uid, membership: 'cgroup' });
    expect(hop('process')).toMatchObject({ uid: ownUid, apart: true });
    expect((await mandate.mandate(['trace', svid!.serial])).stdout).toContain(`under a uid of its launch alone (${String(ownUid)})`);
    const fact = await factsBehind(svid!.serial);
    expect(fact('launch.own_uid')).toMatchObject({ value: 'true', assurance: 'observed' });
    expect(fact('user.uid')).toMatchObject({ value: String(ownUid) });
    expect(fact('launch.uid')).toMatchObject({ value: String(owner.uid) });
    expect(fact('binary.path')).toMatchObject({ value: process.execPath, assurance: 'observed' });
  });

  it('a path below the home folder that was covered proves nothing; the bytes at it do', async () => {
    const main = path.join(ROOT, 'dist/src/main.js');
    const [said] = await says(`cp "${process.execPath}" ~/node; exec ~/node "${main}" svid -o json | tr -d '\\n'`);
    const fact = await factsBehind((JSON.parse(said!) as { svids: { serial: string }[] }).svids[0]!.serial);
    expect(fact('binary.path')).toMatchObject({ value: path.join(home, 'node'), assurance: 'declared' });
    expect(fact('binary.sha256')).toMatchObject({ assurance: 'measured' });
  });

  it('is ended by agents stop, and lives through a node that is killed', async () => {
    const child = mandate.spawn(
      MANDATE,
      ['run', '--as-user', '--name', 'stays', '--', 'sh', '-c', `echo up; while read -r _; do ${MANDATE} svid; done`],
      {
        ...owner,
        cwd: project,
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    const heard = () => new Promise<string>((resolve) => child.stdout!.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    const ended = new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    expect(await heard()).toBe('up\n');
    const node = (await serving(mandate))!;
    process.kill(node, 'SIGKILL');
    for (let next: number | undefined = node; next === undefined || next === node;) next = await serving(mandate);
    child.stdin!.write('\n');
    expect(await heard()).toContain(`/agent/${login?.name}`);
    const listed = (await mandate.json<AgentsAnswer>('agents', 'ls')).agents.find(({ name }) => name.startsWith('stays-'));
    expect(listed).toMatchObject({ state: 'running' });
    await mandate.json('agents', 'stop', listed!.name, '-y');
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('leaves nothing of a launch behind but a uid that rests', async () => {
    await says('true');
    const { used } = JSON.parse(readFileSync(path.join(mandate.state, 'own-uids.json'), 'utf8')) as {
      used: { endedAtMs: number | null }[];
    };
    expect(used.length).toBeGreaterThan(5);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(path.dirname(project));
  });
});

describeHere('mandate run --as-user under a node that is not root', () => {
  it('is refused before anything is opened', async () => {
    const mandate = await Installation.start(account);
    try {
      const { code, stderr } = await mandate.mandate(['run', '--as-user', '--', 'true']);
      expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining('the node does not run as root') as string });
    } finally {
      await mandate.end();
    }
  });
});

/** pid of the node of an installation that is ready; undefined while none is. */
async function serving(mandate: Installation): Promise<number | undefined> {
  const { code, stdout } = await mandate.mandate(['status', '-o', 'json']);
  if (code !== 0) return undefined;
  const { ready, parts } = JSON.parse(stdout) as { ready: boolean; parts: { name: string; pid: number | null }[] };
  return ready ? (parts.find(({ name }) => name === 'node')?.pid ?? undefined) : undefined;
}
