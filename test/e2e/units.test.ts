import { readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { hasProgram } from '../running/installation';
import { ordinaryAccount } from '../running/ordinary-account';
import { Units } from '../running/units';
import { lives, nameOf, statusNumbers } from '../supervision/proc';
import { until } from '../supervision/until';

jest.setTimeout(180_000);

const PROGRAMS = ['setpriv', 'unshare', 'python3'];
const possible = process.getuid?.() === 0 && PROGRAMS.every((name) => hasProgram(name));
if (!possible) process.stdout.write(`units.test.ts: parts are run as their units say by root only, with ${PROGRAMS.join(', ')}\n`);

/** In some containers not even root may ask for the mounts of process 1: then no path is believed that was seen from other mounts. */
function tellsMachineMounts(): boolean {
  try {
    return readlinkSync('/proc/1/ns/mnt') === readlinkSync('/proc/self/ns/mnt');
  } catch {
    return false;
  }
}

(possible ? describe : describe.skip)('parts as their units say', () => {
  let units: Units;
  const account = ordinaryAccount()!;
  beforeAll(async () => {
    units = await Units.start();
  });
  afterAll(() => units?.end());

  const status = (pid: number, field: string): string =>
    new RegExp(`^${field}:\\t(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!;

  /** What an agent of an ordinary account is given. */
  const svid = async (): Promise<readonly { readonly spiffeId: string }[]> => {
    const { code, stdout, stderr } = await units.mandate(['run', '--no-confine', '--', units.program, 'svid', '-o', 'json'], account);
    if (code !== 0) throw new Error(`${stdout}${stderr}\n${units.parts.output}`);
    return (JSON.parse(stdout) as { svids: { spiffeId: string }[] }).svids;
  };

  test('each part has the account and the capabilities of its unit, and no others', () => {
    const [server, node] = [units.parts.pidOf('server'), units.parts.pidOf('node')];
    expect(new Set(statusNumbers(server, 'Uid')).size).toBe(1);
    expect(statusNumbers(server, 'Uid')[0]).toBeGreaterThan(0);
    expect(statusNumbers(node, 'Uid')).toEqual([0, 0, 0, 0]);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      expect(status(server, set)).toBe('0000000000000000');
      // CAP_DAC_READ_SEARCH (2), CAP_KILL (5), CAP_SYS_PTRACE (19).
      expect(status(node, set)).toBe('0000000000080024');
    }
    for (const pid of [server, node]) expect(status(pid, 'NoNewPrivs')).toBe('1');
  });

  test('the issuer counts as separated from the agents of an ordinary account', async () => {
    const { code, stdout } = await units.mandate(['status', '-o', 'json'], account);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { ready: true, separated: true, mode: 'installed' }]);
  });

  test('a launched agent has an identity, and paths are told by the mounts of the machine, not by those of the node', async () => {
    expect(readlinkSync(`/proc/${units.parts.pidOf('node')}/ns/mnt`)).not.toBe(readlinkSync('/proc/self/ns/mnt'));
    expect(await svid()).toHaveLength(1);
    const sleeper = units.spawn('/bin/sleep', ['600'], account);
    const elsewhere = units.spawn('/usr/bin/unshare', ['--mount', '--propagation', 'slave', '/bin/sleep', '600']);
    try {
      const pathOf = async (pid: number): Promise<unknown> => {
        const { facts } = await units.json<{ facts: { selector: string; value: string; assurance: string }[] }>('who', String(pid));
        return facts.find(({ selector }) => selector === 'binary.path');
      };
      await until('the program is executed', () =>
        [sleeper, elsewhere].every(({ pid }) => readlinkSync(`/proc/${pid}/exe`).endsWith('/sleep')),
      );
      expect(await pathOf(sleeper.pid!)).toMatchObject({
        value: readlinkSync(`/proc/${sleeper.pid}/exe`),
        assurance: tellsMachineMounts() ? 'observed' : 'declared',
      });
      expect(await pathOf(elsewhere.pid!)).toMatchObject({ assurance: 'declared' });
    } finally {
      for (const child of [sleeper, elsewhere]) child.kill('SIGKILL');
    }
  });

  test('who connects while the node is gone is not refused, and is answered by the next one', async () => {
    const before = nameOf(units.parts.pidOf('node'))!;
    units.parts.tellKeeper('SIGUSR2');
    units.parts.tellKeeper('SIGUSR1');
    await until('the node is gone', () => !lives(before));
    await new Promise<void>((resolve, reject) => {
      const probe = connect(units.workloadApi.slice('unix://'.length), () => {
        probe.destroy();
        resolve();
      }).once('error', reject);
    });
    const asked = svid();
    asked.catch(() => undefined);
    units.parts.tellKeeper('SIGUSR2');
    expect(await asked).toHaveLength(1);
    expect(units.parts.pidOf('node')).not.toBe(before.pid);
  });

  test('a server that died is started again and takes its node back', async () => {
    const server = nameOf(units.parts.pidOf('server'))!;
    process.kill(server.pid, 'SIGKILL');
    await until('the server is gone', () => !lives(server));
    units.parts.startPart('mandate-server.service');
    await units.parts.becomesReady();
    expect(await svid()).toHaveLength(1);
  });

  test('down and up leave to systemd what is its own', async () => {
    const down = await units.mandate(['down', '-o', 'json']);
    expect([down.code, JSON.parse(down.stdout)]).toMatchObject([1, { error: { code: 'E_UNITS', fix: 'systemctl stop mandate.target' } }]);
    const up = await units.mandate(['up', '-o', 'json']);
    expect([up.code, JSON.parse(up.stdout)]).toMatchObject([1, { error: { code: 'E_STATE_IN_USE' } }]);
    expect(await svid()).toHaveLength(1);
  });
});
