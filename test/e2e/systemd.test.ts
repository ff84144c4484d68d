import { ordinaryAccount } from '../running/ordinary-account';
import { PROGRAM, SystemdMachine } from '../running/systemd-machine';
import { until } from '../supervision/until';

jest.setTimeout(180_000);

const missing = SystemdMachine.missing();
if (missing !== undefined) process.stdout.write(`systemd.test.ts: systemd itself does not run the units here: ${missing}\n`);

const SERVICES = ['mandate-db', 'mandate-server', 'mandate-node', 'mandate-launches'];

(missing === undefined ? describe : describe.skip)('units that systemd runs', () => {
  const machine = new SystemdMachine();
  const account = ordinaryAccount()!;
  let installed = '';
  beforeAll(async () => {
    await machine.boot();
    const { code, stdout, stderr } = await machine.run(PROGRAM, 'install');
    if (code !== 0) throw new Error(`${stdout}${stderr}`);
    installed = stderr;
  });
  afterAll(() => machine.end());

  test('are ready when install ends', async () => {
    expect(installed).toMatch(/^installed\nReady {2}workload API unix:\/\/\/run\/mandate\/\S+\n$/);
    const { stdout } = await machine.run(PROGRAM, 'status', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ ready: true, mode: 'installed' });
  });

  const ready = () =>
    until('mandate to be ready', async () => {
      const { code, stdout } = await machine.run(PROGRAM, 'status', '-o', 'json');
      return code === 0 && (JSON.parse(stdout) as { ready: boolean }).ready;
    });

  /** As an ordinary user of that machine. */
  const asUser = (...command: readonly string[]) =>
    machine.run(
      ...['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'],
      ...['env', 'HOME=/nonexistent', ...command],
    );

  test('are all active, and as exposed as said', async () => {
    for (const service of SERVICES) {
      expect([service, (await machine.run('systemctl', 'is-active', service)).stdout.trim()]).toEqual([service, 'active']);
      const { stdout } = await machine.run('systemd-analyze', 'security', '--no-pager', service);
      expect(Number(/exposure level for .*: ([0-9.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(2.5);
    }
  });

  test('give a launched agent an identity, and a control group that no service owns', async () => {
    const { code, stdout, stderr } = await asUser(
      ...[PROGRAM, 'run', '--no-confine', '--', 'sh', '-c'],
      `cat /proc/self/cgroup && exec ${PROGRAM} svid -o json`,
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^0::.*\/mandate-launches\.service\/mandate\.launches\/[0-9a-f-]{36}$/m);
    const { svids } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { svids: { serial: string }[] };
    const trace = await machine.run(PROGRAM, 'trace', svids[0]!.serial, '-o', 'json');
    expect(JSON.parse(trace.stdout)).toMatchObject({ complete: true, delegator: { uid: account.uid } });
  });

  test('come back by themselves, each without the others, and keep what was issued', async () => {
    const before = JSON.parse((await machine.run(PROGRAM, 'bundle', 'export', '--format', 'jwks')).stdout) as object;
    for (const service of SERVICES.slice(0, 3)) {
      const pid = async () => (await machine.run('systemctl', 'show', '-p', 'MainPID', '--value', service)).stdout.trim();
      const killed = await pid();
      expect((await machine.run('systemctl', 'kill', '-s', 'KILL', service)).code).toBe(0);
      await until(`another ${service}`, async () => !['0', killed].includes(await pid()));
      await ready();
    }
    expect((await asUser(PROGRAM, 'run', '--no-confine', '--', PROGRAM, 'svid')).code).toBe(0);
    expect(JSON.parse((await machine.run(PROGRAM, 'bundle', 'export', '--format', 'jwks')).stdout)).toEqual(before);
  });

  test('are gone after uninstall, and nothing of them runs', async () => {
    expect((await machine.run(PROGRAM, 'uninstall', '-y')).code).toBe(0);
    const { stdout } = await machine.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'mandate*');
    expect(stdout).toBe('');
    expect((await machine.run('sh', '-c', 'ls -d /etc/systemd/system/mandate* /etc/mandate')).stdout).toBe('');
  });
});
