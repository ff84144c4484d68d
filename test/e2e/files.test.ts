import { X509Certificate, createPrivateKey } from 'node:crypto';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StatusAnswer } from '../../src/domain/answers';
import type { Trace } from '../../src/domain/trace';
import { FILES_TTL_SECONDS } from '../../src/domain/delivery';
import { type Account, Installation, MANDATE, ROOT } from '../running/installation';
import { until } from '../supervision/until';

jest.setTimeout(120_000);

const asRoot = process.getuid!() === 0;
const ORDINARY: Account = asRoot ? { uid: 12_345, gid: 12_345 } : {};
const LAUNCHED = { name: 'launched', match: { 'launch.id': '*' }, issue: { id: '/agent/{user}' } };

/** Reads one version after another, each file pair of one and the same, and says how many pairs it had and how many did not fit. */
const READER = `
  const { readFileSync, realpathSync } = require('node:fs');
  const { X509Certificate, createPrivateKey } = require('node:crypto');
  const [at, wanted] = process.argv.slice(1);
  const serials = new Set();
  let torn = 0;
  while (serials.size < Number(wanted)) {
    try {
      const now = realpathSync(at);
      const [svid, key] = ['svid.pem', 'svid_key.pem'].map((name) => readFileSync(now + '/' + name));
      const certificate = new X509Certificate(svid);
      if (!certificate.checkPrivateKey(createPrivateKey(key))) torn++;
      serials.add(certificate.serialNumber);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  console.log(serials.size, torn);`;

const installations: [string, Account][] = [['everything under one user', ORDINARY]];
if (asRoot) installations.push(['a node that is root', {}]);
describe.each(installations)('%s', (_, account) => {
  let mandate: Installation;
  let at: string;
  beforeAll(async () => {
    mandate = await Installation.start(account);
    // A folder of the user's own: above the sockets of a node that is root it would be refused.
    const own = path.join(mandate.home, 'own');
    mkdirSync(own);
    if (ORDINARY.uid !== undefined) chownSync(own, ORDINARY.uid, ORDINARY.uid);
    at = path.join(own, 'identity');
  });
  afterAll(() => mandate.end());

  const start = (...command: string[]) => mandate.spawn(MANDATE, ['run', '--files', at, '--', ...command], ORDINARY);
  const run = (...command: string[]) => mandate.run(MANDATE, ['run', '--files', at, '--', ...command], ORDINARY);
  const gone = (left: string) => until('the files are gone', () => !existsSync(left) && !isThere(at));
  const isThere = (file: string) => {
    try {
      return lstatSync(file).ino > 0;
    } catch {
      return false;
    }
  };
  /** Undefined in the instant in which a version goes and the next one is seen. */
  const serialNow = () => {
    try {
      return new X509Certificate(readFileSync(path.join(realpathSync(at), 'svid.pem'))).serialNumber.toLowerCase();
    } catch {
      return undefined;
    }
  };
  /** A launch that lives until its input ends, with its files there. */
  const living = async () => {
    const child = start('sh', '-c', 'echo up; read line');
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    return { child, left: path.dirname(realpathSync(at)) };
  };

  it('are there when the program starts, for its user alone, fit each other, and are gone with the launch', async () => {
    const { child, left } = await living();
    const text = (name: string) => readFileSync(path.join(at, name));
    const [svid, bundle] = [new X509Certificate(text('svid.pem')), new X509Certificate(text('bundle.pem'))];
    expect(svid.checkPrivateKey(createPrivateKey(text('svid_key.pem')))).toBe(true);
    expect(svid.verify(bundle.publicKey)).toBe(true);
    expect(readdirSync(at).sort()).toEqual(['bundle.pem', 'svid.pem', 'svid_key.pem']);
    for (const name of readdirSync(at)) {
      const { mode, uid } = lstatSync(path.join(realpathSync(at), name));
      expect([mode & 0o777, uid]).toEqual([0o600, ORDINARY.uid ?? process.getuid!()]);
    }

    const trace = await mandate.json<Trace>('trace', svid.serialNumber.toLowerCase().padStart(32, '0'));
    expect(trace.hops[0]).toMatchObject({
      kind: 'process',
      assurance: 'observed',
      attributes: { delivery: 'files', path: null, sha256: null },
    });
    expect(trace.hops.map(({ kind }) => kind)).toContain('launch');
    const seconds = (Date.parse(trace.credential.notAfter) - Date.parse(trace.credential.issuedAt)) / 1000;
    expect(seconds).toBeLessThanOrEqual(FILES_TTL_SECONDS);
    child.stdin!.end();
    await gone(left);
  });

  it('go when the program is killed, or cannot be executed', async () => {
    const { child, left } = await living();
    child.kill('SIGKILL');
    await gone(left);
    const script = path.join(path.dirname(at), 'orphan');
    writeFileSync(script, '#!/none/interpreter\n', { mode: 0o755 });
    expect(await run(script)).toMatchObject({ code: 127 });
    await until('the link is gone', () => !isThere(at));
  });

  it('of a writer that was killed are removed for the node, and the link to them', async () => {
    const { child, left } = await living();
    const svid = new X509Certificate(readFileSync(path.join(at, 'svid.pem')));
    const trace = await mandate.json<Trace>('trace', svid.serialNumber.toLowerCase().padStart(32, '0'));
    process.kill(Number(trace.hops[0]!.attributes['pid']), 'SIGKILL');
    await gone(left);
    expect(existsSync(`${left}.lock`)).toBe(false);
    // The launch is none of the writer's business.
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    child.stdin!.end();
  });

  it('are replaced as a pair', async () => {
    await mandate.apply({ ...LAUNCHED, issue: { ...LAUNCHED.issue, x509: { ttl: '2s' } } });
    expect((await run(process.execPath, '-e', READER, at, '4')).stdout).toBe('4 0\n');
    await mandate.apply(LAUNCHED);
  });

  it('hold nothing that a look at the program would be needed for; then nothing is started', async () => {
    await mandate.apply({ ...LAUNCHED, require: { process: 'measured' } });
    const marker = path.join(path.dirname(at), 'started');
    const refused = await run('touch', marker);
    expect(refused).toMatchObject({ code: 125 });
    expect(refused.stderr).toContain('E_FILES');
    expect(refused.stderr).toContain('E_ASSURANCE');
    expect(existsSync(marker) || isThere(at)).toBe(false);
    await mandate.apply(LAUNCHED);
  });

  it('are taken away when the rule is', async () => {
    const { child, left } = await living();
    await mandate.apply({ ...LAUNCHED, disabled: true });
    await until('no file is left', () => readdirSync(left).length === 0);
    await mandate.apply(LAUNCHED);
    await until('they are back', () => existsSync(path.join(at, 'svid.pem')));
    child.stdin!.end();
    await gone(left);
  });

  it('outlive the node, and are files to the next one as well', async () => {
    await mandate.apply({ ...LAUNCHED, issue: { ...LAUNCHED.issue, x509: { ttl: '10s' } } });
    const { child, left } = await living();
    const { parts } = await mandate.json<StatusAnswer>('status');
    const before = serialNow();
    process.kill(parts.find(({ name }) => name === 'node')!.pid!, 'SIGKILL');
    const next = await until('another SVID', () => {
      const now = serialNow();
      return now !== undefined && now !== before && now;
    });
    const trace = await until('its trace', () => mandate.json<Trace>('trace', next.padStart(32, '0')).catch(() => undefined));
    expect(trace.hops[0]!.attributes).toMatchObject({ delivery: 'files' });
    child.stdin!.end();
    await gone(left);
    await mandate.apply(LAUNCHED);
  });

  it('replace nothing of the user', async () => {
    writeFileSync(at, 'mine');
    const refused = await run('true');
    expect(refused).toMatchObject({ code: 125 });
    expect(refused.stderr).toContain('something else is there');
    expect(readFileSync(at, 'utf8')).toBe('mine');
  });

  it('are for launches: who is in none is refused', async () => {
    const script = `
      const { WorkloadClient } = require(${JSON.stringify(path.join(ROOT, 'dist/src/cli/workload-client'))});
      const { systemClock } = require(${JSON.stringify(path.join(ROOT, 'dist/src/system/clock'))});
      const client = new WorkloadClient(process.env.SPIFFE_ENDPOINT_SOCKET.replace('unix://', ''), systemClock);
      client.x509ForFiles().next().catch((error) => console.log(error.code)).finally(() => client.close());`;
    expect((await mandate.run(process.execPath, ['-e', script], ORDINARY)).stdout).toBe('E_REQUEST\n');
  });
});
