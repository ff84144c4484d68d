import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { lives, nameOf, statusNumbers } from './proc';
import { asRoot, type Part, Running } from './running';
import { until } from './until';

jest.setTimeout(120_000);

const CANARIES = { MANDATE_TEST_CANARY: 'canary', PGPASSWORD: 'canary', LD_LIBRARY_PATH: '/canary', NODE_EXTRA_CA_CERTS: '/canary' };
const PARTS: readonly Part[] = ['server', 'node', 'database'];

let running: Running;
beforeAll(async () => {
  running = await Running.start({ env: CANARIES });
});
afterAll(() => running?.end());

const pidOf = (part: Part): number => running.partsNow()[part].pid;
const uidsOf = (part: Part): number[] => statusNumbers(pidOf(part), 'Uid');

const rootOnly = asRoot ? test : test.skip;
const ownUserOnly = asRoot ? test.skip : test;
if (!asRoot) process.stdout.write('separation.test.ts: uids of their own and foreign processes under them are tried as root only\n');

rootOnly('server, node and database run under three users that nothing else has', () => {
  const uids = PARTS.map((part) => uidsOf(part));
  for (const [real, effective, saved, filesystem] of uids) expect([effective, saved, filesystem]).toEqual([real, real, real]);
  const [server, node, database] = uids.map((ids) => ids[0]!);
  expect(node).toBe(0);
  expect(new Set([server, node, database]).size).toBe(3);
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const uid of [server, database]) {
    const account = accounts.find((line) => line.split(':')[2] === String(uid))?.split(':')[0];
    expect([undefined, 'mandate', 'mandate-db']).toContain(account);
  }
  for (const part of ['server', 'database'] as const) {
    const gids = statusNumbers(pidOf(part), 'Gid');
    expect(new Set(gids).size).toBe(1);
    expect(gids[0]).not.toBe(0);
    expect(statusNumbers(pidOf(part), 'Groups').filter((gid) => gid !== gids[0])).toEqual([]);
    // Hexadecimal in the file: all-zero is the one value that reads the same.
    for (const set of ['CapPrm', 'CapEff', 'CapAmb'])
      expect(readFileSync(`/proc/${pidOf(part)}/status`, 'utf8')).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
  }
});

ownUserOnly('as an ordinary user all parts share its uid', () => {
  for (const part of PARTS) expect(new Set(uidsOf(part))).toEqual(new Set([process.getuid!()]));
});

test('server and node cannot be read by their own user', () => {
  for (const part of ['server', 'node'] as const) {
    const pid = pidOf(part);
    // The kernel gives the files of a process that is not dumpable to root.
    expect(statSync(`/proc/${pid}/mem`).uid).toBe(0);
    if (!asRoot) for (const file of ['mem', 'environ', 'maps']) expect(() => readFileSync(`/proc/${pid}/${file}`)).toThrow(/EACCES|EPERM/);
  }
  // Dumpable processes of a user other than root are the user's own: the look above can tell.
  if (!asRoot) expect(statSync('/proc/self/mem').uid).toBe(process.getuid!());
});

test('SIGUSR1 opens no debugger in any process of ours, as it does in a plain node', async () => {
  for (const pid of [running.pid, pidOf('server'), pidOf('node')]) process.kill(pid, 'SIGUSR1');
  // Both event loops have answered since: what the signal does, it has done.
  await running.ready();
  for (const pid of [running.pid, pidOf('server'), pidOf('node')]) expect(lives(nameOf(pid)!)).toBe(true);
  const logs = readdirSync(`${running.state}/log`).map((file) => readFileSync(`${running.state}/log/${file}`, 'utf8'));
  expect(`${logs.join('')}${running.stderr}`).not.toContain('Debugger');

  const plain = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => 0, 1000)'], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    await once(plain.stdout, 'data');
    let said = '';
    plain.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    plain.kill('SIGUSR1');
    await until('the debugger of a plain node', () => /Debugger|inspector/.test(said));
  } finally {
    plain.kill('SIGKILL');
  }
});

test('children get the allow-listed environment', () => {
  const allowed = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'HOME', 'MANDATE_LOG', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'];
  for (const part of PARTS) {
    if (!asRoot && part !== 'database') continue; // not readable, which is the test before
    const environment = readFileSync(`/proc/${pidOf(part)}/environ`, 'latin1')
      .split('\0')
      .filter(Boolean);
    expect(environment.map((entry) => entry.split('=')[0]!).filter((name) => !allowed.includes(name))).toEqual([]);
    expect(environment.join(' ')).not.toContain('canary');
  }
});

test('what holds secrets is open to its own part alone', () => {
  const seen = (name: string) => {
    const { mode, uid } = statSync(path.join(running.state, name));
    return { mode: (mode & 0o7777).toString(8), uid };
  };
  const server = uidsOf('server')[0]!;
  const database = uidsOf('database')[0]!;
  const own = process.getuid!();
  expect(seen('server/keys')).toEqual({ mode: '700', uid: server });
  for (const key of readdirSync(path.join(running.state, 'server/keys')))
    expect(seen(`server/keys/${key}`)).toEqual({ mode: '600', uid: server });
  expect(seen('secrets')).toEqual({ mode: '700', uid: own });
  for (const secret of readdirSync(path.join(running.state, 'secrets')))
    expect(seen(`secrets/${secret}`)).toEqual({ mode: '600', uid: own });
  expect(seen('database/data')).toEqual({ mode: '700', uid: database });
  expect(seen('log')).toEqual({ mode: '700', uid: own });
  expect(seen('run/link')).toEqual({ mode: '700', uid: server });
  expect(seen('run/link/link.sock')).toEqual({ mode: '600', uid: server });
  expect(seen('run/agent/agent.sock').mode).toBe(asRoot ? '666' : '600');
  expect(seen('')).toEqual({ mode: asRoot ? '711' : '700', uid: own });
});

rootOnly('a foreign process under a reserved uid is refused, and nothing is started', async () => {
  const [server, database] = [uidsOf('server')[0]!, uidsOf('database')[0]!];
  await running.signal('SIGTERM');
  for (const uid of [server, database]) {
    const log = openSync('/dev/null', 'w');
    const foreign = spawn('sleep', ['600'], { uid, gid: uid, stdio: ['ignore', log, log] });
    try {
      await once(foreign, 'spawn');
      running.spawnUp(['-o', 'json']);
      const { code, stdout } = await running.exited;
      expect({ code, error: JSON.parse(stdout) as unknown }).toMatchObject({ code: 1, error: { error: { code: 'E_UID_IN_USE' } } });
      expect(stdout).toContain(String(foreign.pid));
      expect(running.left()).toEqual([]);
    } finally {
      foreign.kill('SIGKILL');
      await once(foreign, 'exit');
    }
  }
  await running.up();
});
