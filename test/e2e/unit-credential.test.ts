import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hasProgram } from '../running/installation';
import { Units } from '../running/units';
import { lives, nameOf } from '../supervision/proc';
import { until } from '../supervision/until';

jest.setTimeout(180_000);

const PROGRAMS = ['setpriv', 'unshare', 'python3'];
const possible = process.getuid?.() === 0 && PROGRAMS.every((name) => hasProgram(name));
if (!possible)
  process.stdout.write(`unit-credential.test.ts: parts are run as their units say by root only, with ${PROGRAMS.join(', ')}\n`);

/** The server as its unit runs it, with a drop-in of credentials: systemd's folder for them is made as systemd makes it. */
(possible ? describe : describe.skip)('authority keys under a credential of systemd', () => {
  let units: Units;
  beforeAll(async () => {
    units = await Units.start();
  });
  afterAll(() => units?.end());

  /** The drop-in, as `NAME:FILE`. */
  function credentials(given: Readonly<Record<string, string>>): void {
    units.parts.serverCredentials = Object.entries(given).map(([name, secret]) => {
      const file = path.join(units.home, `credential-${name}`);
      writeFileSync(file, secret, { mode: 0o600 });
      return `${name}:${file}`;
    });
  }
  async function stopServer(): Promise<void> {
    const server = nameOf(units.parts.pidOf('server'))!;
    process.kill(server.pid, 'SIGTERM');
    await until('the server is gone', () => !lives(server));
  }
  async function restarted(): Promise<void> {
    await stopServer();
    units.parts.startPart('mandate-server.service');
    await units.parts.becomesReady();
  }
  async function startRefused(): Promise<string> {
    await stopServer();
    const before = units.parts.output.length;
    const child = units.parts.startPart('mandate-server.service');
    await new Promise((resolve) => child.once('close', resolve));
    expect(child.exitCode).toBe(1);
    return /"code":"(E_[A-Z_]+)"/.exec(units.parts.output.slice(before))![1]!;
  }
  const home = async (): Promise<string> => (await units.json<{ keys: string }>('status')).keys;
  const keyFiles = (): string[] => readdirSync(path.join(units.state, 'server/keys'));

  test('neither a passphrase nor a credential that is not there seals them', async () => {
    const passphrase = path.join(units.home, 'passphrase');
    writeFileSync(passphrase, 'a passphrase that nobody gives again', { mode: 0o600 });
    for (const flags of [['--passphrase-file', passphrase], ['--credential']]) {
      const { code, stdout } = await units.mandate(['ca', 'seal', ...flags, '-o', 'json']);
      expect([code, JSON.parse(stdout)]).toMatchObject([1, { error: { code: 'E_KEY_SEAL' } }]);
    }
    expect(await home()).toBe('plain');
  });

  test('seal, restart, and no start without it', async () => {
    credentials({ 'key-seal': 'the first credential' });
    await restarted();
    expect(await home()).toBe('plain');
    expect(await units.json('ca', 'seal', '--credential')).toEqual({ home: 'credential', keys: 2, left: 0 });
    expect(keyFiles().some((name) => name.endsWith('.pem'))).toBe(false);
    await restarted();
    expect(await home()).toBe('credential');
    credentials({ 'key-seal': 'another credential' });
    expect(await startRefused()).toBe('E_KEY_PASSPHRASE');
  });

  test('another credential takes over while the one before is given beside it', async () => {
    credentials({ 'key-seal': 'the second credential', 'key-seal-old': 'the first credential' });
    units.parts.startPart('mandate-server.service');
    await units.parts.becomesReady();
    expect(await units.json('ca', 'reseal', '--credential')).toMatchObject({ home: 'credential', left: 0 });
    credentials({ 'key-seal': 'the second credential' });
    await restarted();
    expect(await home()).toBe('credential');
    credentials({});
    expect(await startRefused()).toBe('E_KEY_SEALED');
  });
});
