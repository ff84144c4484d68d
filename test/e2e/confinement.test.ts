import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { possibleConfinement } from '../../src/system/landlock';
import type { AgentAnswer, AgentsAnswer } from '../../src/domain/agent-answers';
import type { Trace } from '../../src/domain/trace';
import { type Account, hasProgram, Installation, MANDATE, ROOT, type RunOptions } from '../running/installation';

jest.setTimeout(120_000);

const ATTACKER = path.join(__dirname, 'attacker.js');
const VICTIM = path.join(__dirname, 'victim.js');
const LAUNCHER = path.join(__dirname, 'launcher.js');
const MAIN = path.join(ROOT, 'dist/src/main.js');

const possible = possibleConfinement().kind === 'domain';
if (!possible) process.stderr.write('skipped: this kernel has no Landlock domains with scopes\n');
const describeDomain = possible ? describe : describe.skip;

const asRoot = process.getuid!() === 0;
const testAsRoot = asRoot ? test : test.skip;
/** Root reads every memory, domain or not: attacker and victim are an ordinary user's. */
const ORDINARY: Account = asRoot ? { uid: 12_345, gid: 12_345 } : {};

/** Every attempt of attacker.js with the same outcome but where another is named. */
const outcomes = (outcome: string, other: Readonly<Record<string, string>> = {}) => ({
  environ: outcome,
  mem: outcome,
  descriptors: outcome,
  ptrace: outcome,
  readv: outcome,
  getfd: outcome,
  signal: outcome,
  abstract: outcome,
  ...other,
});
const REFUSED = outcomes('EPERM', { environ: 'EACCES', mem: 'EACCES', descriptors: 'EACCES' });
const ALLOWED = outcomes('ok');

const installations: [string, Account][] = [['everything under one user', ORDINARY]];
if (asRoot) installations.push(['a node that is root', {}]);
describeDomain.each(installations)('%s', (_, account) => {
  let mandate: Installation;
  const victims: ChildProcess[] = [];
  beforeAll(async () => {
    mandate = await Installation.start(account);
    if (ORDINARY.uid !== undefined) chownSync(mandate.home, ORDINARY.uid, ORDINARY.uid);
  });
  afterAll(async () => {
    for (const victim of victims) victim.kill('SIGKILL');
    await mandate.end();
  });

  const launch = (...args: string[]) => mandate.run(MANDATE, ['run', ...args], ORDINARY);
  const start = (program: string, args: readonly string[], options: RunOptions = {}) => {
    const child = mandate.spawn(program, args, { ...ORDINARY, stdio: ['pipe', 'pipe', 'inherit'], ...options });
    victims.push(child);
    return child;
  };
  const heard = async (child: ChildProcess): Promise<string> => String((await once(child.stdout!, 'data'))[0]).trim();
  const victim = async (...launcher: string[]) => {
    const [program, ...args] = [...launcher, process.execPath, VICTIM];
    return (await heard(start(program, args))).split(' ');
  };
  const attack = async (victimArguments: readonly string[], ...launcher: string[]) => {
    const [program, ...args] = [...launcher, process.execPath, ATTACKER, ...victimArguments];
    const { stdout } = await mandate.run(program!, args, ORDINARY);
    return JSON.parse(stdout) as unknown;
  };
  const IN_LAUNCH = [MANDATE, 'run', '--'];

  describe('a launch', () => {
    it('reaches nothing outside it', async () => {
      expect(await attack(await victim(), ...IN_LAUNCH)).toEqual(REFUSED);
    });

    it('reaches nothing of another launch', async () => {
      expect(await attack(await victim(...IN_LAUNCH), ...IN_LAUNCH)).toEqual(REFUSED);
    });

    testAsRoot('by root is in a domain too, and keeps its set-uid programs', async () => {
      const seen = 'grep NoNewPrivs /proc/self/status';
      const byRoot = await mandate.run(MANDATE, [
        'run',
        '--',
        'sh',
        '-c',
        `${seen}; exec "$@"`,
        'sh',
        process.execPath,
        ATTACKER,
        ...(await victim()),
      ]);
      // The node of another user admits nobody but that user.
      if (account.uid !== undefined) return expect(byRoot.code).toBe(125);
      const [status, outcome] = byRoot.stdout.split('\n');
      expect(status).toBe('NoNewPrivs:\t0');
      // Its environment is given to a capability, and Landlock is not asked.
      expect(JSON.parse(outcome!)).toEqual({ ...REFUSED, environ: 'ok' });
    });
  });

  // What launcher and kernel make among themselves, whoever the node is.
  const describeOnce = account === ORDINARY ? describe : () => undefined;
  describeOnce('a launch by itself', () => {
    it('reaches its own processes', async () => {
      expect(await attack(['child'], ...IN_LAUNCH)).toEqual(ALLOWED);
    });

    it('within a launch is in its domain', async () => {
      expect(await attack(['child'], ...IN_LAUNCH, ...IN_LAUNCH)).toEqual(ALLOWED);
      const [pid, name] = await victim();
      expect(await attack([pid!, name!], ...IN_LAUNCH, MANDATE, 'run', '--no-confine', '--')).toEqual(REFUSED);
    });

    it('with --no-confine reaches what its user reaches, and what is outside reaches any launch', async () => {
      expect(await attack(await victim(), MANDATE, 'run', '--no-confine', '--')).toEqual(ALLOWED);
      expect(await attack(await victim(...IN_LAUNCH))).toEqual(ALLOWED);
    });

    testAsRoot('has no set-uid programs, but with --no-confine', async () => {
      const program = path.join(mandate.home, 'id');
      copyFileSync('/usr/bin/id', program);
      chmodSync(program, 0o4755);
      expect((await launch('--', program, '-u')).stdout).toBe(`${ORDINARY.uid}\n`);
      expect((await launch('--no-confine', '--', program, '-u')).stdout).toBe('0\n');
    });

    it('runs what agents run', async () => {
      const script = path.join(mandate.home, 'ordinary.sh');
      const lines = [
        'set -eu',
        `cd "$(mktemp -d "${mandate.home}/work-XXXX")"`,
        'git init -q && git config user.email a@b && git config user.name a && echo x >x && git add x && git commit -qm x && git log --oneline | wc -l',
        `node -e 'new (require("worker_threads").Worker)("0", { eval: true }).on("exit", () => require("child_process").exec("echo child", (e, out) => process.stdout.write(out)))'`,
        `node -e 'require("http").createServer((q, a) => a.end("served")).listen(0, "127.0.0.1", function () { fetch("http://127.0.0.1:" + this.address().port).then((a) => a.text()).then((t) => { console.log(t); process.exit() }) })'`,
        'sleep 60 & kill -TERM $!; wait $! || echo "killed $?"',
        '(trap "echo usr1; exit" USR1; kill -USR1 $(sh -c "echo \\$PPID"); :)',
        'npm --version >/dev/null && echo npm',
      ];
      if (hasProgram('python3'))
        lines.push(`python3 -c 'import socket, subprocess; a, b = socket.socketpair(); a.send(b"py"); print(b.recv(2).decode())'`);
      if (hasProgram('tmux'))
        lines.push('export TMUX_TMPDIR=$PWD; tmux -f /dev/null new -d "sleep 60" && tmux ls | wc -l && tmux kill-server');
      writeFileSync(script, lines.join('\n'), { mode: 0o755 });
      const direct = await mandate.run('/bin/sh', [script], ORDINARY);
      expect(direct).toMatchObject({ code: 0 });
      expect(await launch('--', '/bin/sh', script)).toEqual(direct);
    });
  });

  describe('what the records say', () => {
    const agentOf = async (name: string) => {
      const { agents } = await mandate.json<AgentsAnswer>('agents', 'ls', '--all');
      const { name: full } = agents.find((agent) => agent.name.startsWith(`${name}-`))!;
      return mandate.json<AgentAnswer>('agents', 'show', full);
    };
    const launchOf = async (serial: string) =>
      (await mandate.json<Trace>('trace', serial)).hops.find(({ kind }) => kind === 'launch')!.attributes;
    const serialIn = (svid: string) => (JSON.parse(svid) as { svids: { serial: string }[] }).svids[0]!.serial;

    it.each([
      ['confined', [], { confinement: 'domain', confinementReason: null }],
      ['open', ['--no-confine'], { confinement: 'none', confinementReason: 'asked' }],
    ])('%s', async (name, options, said) => {
      const { stdout } = await launch('--name', name, ...options, '--', process.execPath, MAIN, 'svid', '-o', 'json');
      expect((await agentOf(name)).launch).toMatchObject(said);
      expect(await launchOf(serialIn(stdout))).toMatchObject(said);
    });

    it('a launcher that says nothing, and one that says what the kernel belies', async () => {
      const svid = [process.execPath, process.execPath, MAIN, 'svid', '-o', 'json'];
      const silent = await mandate.run(process.execPath, [LAUNCHER, ...svid], ORDINARY);
      expect(await launchOf(serialIn(silent.stdout))).toMatchObject({ confinement: 'none', confinementReason: 'unsaid' });
      const lying = await mandate.run(process.execPath, [LAUNCHER, ...svid], { ...ORDINARY, env: { SAY_CONFINED: 'domain' } });
      expect(await launchOf(serialIn(lying.stdout))).toMatchObject({ confinement: 'contradicted', confinementReason: null });
    });
  });
});
