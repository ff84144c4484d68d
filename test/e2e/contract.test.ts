import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { schemaOf } from '../cli/schema';
import { type AgentProcess, launchAgent } from './agent-process';
import { Installation, MANDATE } from '../running/installation';
import { until } from '../supervision/until';

jest.setTimeout(120_000);

const SERIAL = /^[0-9a-f]{32}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

let mandate: Installation;
let agent: AgentProcess;
let serial: string;
let rule: string;
beforeAll(async () => {
  mandate = await Installation.start();
  agent = launchAgent(mandate, 'contract', process.execPath, ['x509']);
  serial = (await agent.until('an SVID', ({ event }) => event === 'x509')).svids![0]!.serial!;
  rule = mandate.ruleFile({ name: 'contract', match: { 'user.name': 'nobody-there' }, issue: { id: '/contract' } });
});
afterAll(async () => {
  await agent.end();
  await mandate.end();
});

/** Runs a command inside a launch, where it has an identity. */
const launched = (...args: string[]) => mandate.mandate(['run', '--', MANDATE, ...args]);

describe('every answer fits its published schema, alone on standard output', () => {
  it.each([
    ['status', ['status']],
    ['agents', ['agents', 'ls', '--all']],
    ['trace', ['trace', 'SERIAL']],
    ['who', ['who', 'PID']],
    ['who', ['who', 'SELF']],
    ['rules-apply', ['rules', 'apply', 'RULE']],
    ['rules', ['rules', 'ls']],
    ['rule-versions', ['rules', 'show', 'launched']],
    ['rules-explain', ['rules', 'explain', '--pid', 'PID']],
    ['rules-explain', ['rules', 'explain', '--pid', 'SELF']],
    ['manifests', ['manifest', 'ls']],
    ['rules-validate', ['rules', 'validate', 'RULE']],
    ['bundle', ['bundle', 'show']],
    ['ca-show', ['ca', 'show']],
    ['db-status', ['db', 'status']],
    ['db-migrate', ['db', 'migrate']],
    ['version', ['version']],
  ])('%s: mandate %j', async (schema, args) => {
    const values: Record<string, string> = { SERIAL: serial, PID: String(agent.pid), SELF: String(process.pid), RULE: rule };
    const { code, stdout, stderr } = await mandate.mandate([...args.map((arg) => values[arg] ?? arg), '-o', 'json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const valid = schemaOf(schema);
    expect(valid(JSON.parse(stdout)) ? [] : valid.errors).toEqual([]);
  });

  it.each([
    ['svid', ['svid']],
    ['jwt-svid', ['svid', '--jwt', '--audience', 'a', '--audience', 'b']],
    ['agents', ['agents', 'ls']],
  ])('%s, asked by an agent: mandate %j', async (schema, args) => {
    const { code, stdout, stderr } = await launched(...args, '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const valid = schemaOf(schema);
    expect(valid(JSON.parse(stdout)) ? [] : valid.errors).toEqual([]);
  });

  it('agent and verify, which need something that was answered before', async () => {
    const { agents } = await mandate.json<{ agents: { name: string; pid: number }[] }>('agents', 'ls');
    const { name } = agents.find(({ pid }) => pid === agent.pid)!;
    const shown = schemaOf('agent');
    expect(shown(await mandate.json('agents', 'show', name)) ? [] : shown.errors).toEqual([]);
    const token = (await launched('svid', '--jwt', '--audience', 'me')).stdout;
    const verified = await mandate.mandate(['verify', '--any-agent', '--audience', 'me', '-o', 'json', '-'], { input: token });
    const valid = schemaOf('verify');
    expect(valid(JSON.parse(verified.stdout)) ? [] : valid.errors).toEqual([]);
    const other = await mandate.mandate(['verify', '--any-agent', '--audience', 'you', '-o', 'json', '-'], { input: token });
    expect(other.code).toBe(6);
    const { stdout: bundle } = await mandate.mandate(['bundle', 'export', '--format', 'spiffe']);
    const { trustDomain } = await mandate.json<{ trustDomain: string }>('status');
    const map = `${mandate.home}/bundle-map.json`;
    writeFileSync(map, `{"trust_domains":{"${trustDomain}":${bundle}}}`);
    expect((await mandate.mandate(['verify', '--any-agent', '--audience', 'me', '--bundle', map, '-'], { input: token })).code).toBe(0);
    writeFileSync(map, `{"trust_domains":{"other.example":${bundle}}}`);
    expect((await mandate.mandate(['verify', '--any-agent', '--audience', 'me', '--bundle', map, '-'], { input: token })).code).toBe(6);
  });

  it('up and down', async () => {
    const second = await Installation.start();
    try {
      await second.down();
      const up = await second.mandate(['up', '-d', '-o', 'json']);
      const [ready, ended] = [schemaOf('up'), schemaOf('down')];
      expect(ready(JSON.parse(up.stdout)) ? [] : ready.errors).toEqual([]);
      const down = await second.mandate(['down', '-o', 'json']);
      expect(ended(JSON.parse(down.stdout)) ? [] : ended.errors).toEqual([]);
      expect(JSON.parse(down.stdout)).toEqual({ stopped: true, wasRunning: true });
      const again = await second.mandate(['down', '-o', 'json']);
      expect(JSON.parse(again.stdout)).toEqual({ stopped: false, wasRunning: false });
      expect(again.code).toBe(0);
    } finally {
      await second.mandate(['down']);
      await second.end();
    }
  });
});

describe('a failure', () => {
  const none = { MANDATE_STATE: '/nonexistent-state', SPIFFE_ENDPOINT_SOCKET: 'unix:///nonexistent.sock' };
  it.each<[string, number, string, string[], Record<string, string>]>([
    ['refused', 3, 'E_NO_RULE', ['svid'], {}],
    ['unreachable', 5, 'E_NOT_RUNNING', ['status'], none],
    ['unreachable', 5, 'E_NOT_RUNNING', ['svid'], none],
    ['no such thing', 7, 'E_NOT_FOUND', ['trace', 'ffffffffffff'], {}],
    ['no such thing', 7, 'E_NOT_FOUND', ['agents', 'show', 'nobody-here'], {}],
    ['no such process', 7, 'E_NOT_FOUND', ['who', '4194304'], {}],
    ['usage', 2, 'E_USAGE', ['agents', 'list'], {}],
    ['usage', 2, 'E_USAGE', ['trace'], {}],
    ['no such file', 7, 'E_NOT_FOUND', ['rules', 'validate', '/nonexistent.yaml'], {}],
    ['timed out', 8, 'E_TIMEOUT', ['svid', '--wait', '1'], {}],
  ])('%s exits %i and says %s as a document: mandate %j', async (_, exit, errorCode, args, env) => {
    const { code, stdout } = await mandate.mandate([...args, '-o', 'json'], { env });
    const answer = JSON.parse(stdout) as { error: { code: string; message: string; help: string } };
    expect({ code, error: answer.error.code }).toEqual({ code: exit, error: errorCode });
    expect(answer.error).toMatchObject({ message: expect.any(String), help: `mandate help ${errorCode}` });
    const valid = schemaOf('error');
    expect(valid(answer) ? [] : valid.errors).toEqual([]);
    const text = await mandate.mandate(args, { env });
    expect({ code: text.code, stdout: text.stdout }).toEqual({ code: exit, stdout: '' });
    expect(text.stderr).toContain(`(${errorCode})`);
  });
});

describe('what scripts take as it is', () => {
  it('serials and instants have one form everywhere', async () => {
    const { svids } = JSON.parse((await launched('svid', '-o', 'json')).stdout) as { svids: Record<string, string>[] };
    expect(svids[0]).toMatchObject({
      serial: expect.stringMatching(SERIAL),
      notBefore: expect.stringMatching(INSTANT),
      notAfter: expect.stringMatching(INSTANT),
    });
    const instants: string[] = [];
    const collect = (value: unknown, key = ''): void => {
      if (typeof value === 'object' && value !== null) for (const [name, inner] of Object.entries(value)) collect(inner, name);
      else if (typeof value === 'string' && /(At|notBefore|notAfter|started|opened|seen|issued)$/.test(key) && /\d{4}-/.test(value))
        instants.push(value);
    };
    collect(await mandate.json('trace', serial));
    collect(await mandate.json('agents', 'ls'));
    expect(instants.length).toBeGreaterThan(5);
    expect(instants.filter((instant) => !INSTANT.test(instant))).toEqual([]);
  });

  it('status names the socket that svid uses, and what it says of the bundle holds', async () => {
    const { workloadApi, ready, separated } = await mandate.json<{ workloadApi: string; ready: boolean; separated: boolean }>('status');
    expect({ workloadApi, ready, separated }).toEqual({ workloadApi: mandate.workloadApi, ready: true, separated: false });
  });

  it('svid --jwt is the bare token', async () => {
    const { code, stdout, stderr } = await launched('svid', '--jwt', '--audience', 'https://a.example');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = JSON.parse(Buffer.from(stdout.split('.')[1]!, 'base64url').toString()) as { aud: unknown; jti: string };
    expect([claims.aud].flat()).toEqual(['https://a.example']);
    expect(claims.jti).toMatch(SERIAL);
  });

  it('bundle export is PEM, a SPIFFE bundle or a JWK Set', async () => {
    const pem = (await mandate.mandate(['bundle', 'export'])).stdout;
    expect(new X509Certificate(pem).ca).toBe(true);
    const spiffe = JSON.parse((await mandate.mandate(['bundle', 'export', '--format', 'spiffe'])).stdout) as {
      keys: { use: string }[];
      spiffe_sequence: number;
    };
    expect(new Set(spiffe.keys.map(({ use }) => use))).toEqual(new Set(['x509-svid', 'jwt-svid']));
    expect(spiffe.spiffe_sequence).toBeGreaterThan(0);
    const jwks = JSON.parse((await mandate.mandate(['bundle', 'export', '--format', 'jwks'])).stdout) as { keys: object[] };
    expect(jwks.keys.length).toBeGreaterThan(0);
    expect(await mandate.mandate(['bundle', 'export', '--format', 'der'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('a unique prefix names a credential; colours are for terminals only', async () => {
    const whole = await mandate.json('trace', serial);
    expect(await mandate.json('trace', serial.slice(0, 12))).toEqual(whole);
    const plain = await mandate.mandate(['trace', serial]);
    expect(plain.stdout).not.toContain('\x1b');
    expect((await mandate.mandate(['trace', serial], { env: { CLICOLOR_FORCE: '1' } })).stdout).toContain('\x1b[');
    expect((await mandate.mandate(['trace', serial], { env: { CLICOLOR_FORCE: '1', NO_COLOR: '1' } })).stdout).toBe(plain.stdout);
  });

  it('db psql opens psql as the role that only reads', async () => {
    const asked = await mandate.mandate(['db', 'psql', '--', '-At', '-c', 'select current_user']);
    if (asked.stderr.includes('E_NO_PSQL')) return void process.stderr.write('skipped: no psql on this machine\n');
    expect(asked).toMatchObject({ code: 0, stdout: 'mandate_reader\n' });
    expect((await mandate.mandate(['db', 'psql', '--', '-c', 'delete from credential'])).stderr).toContain('permission denied');
  });
});

describe('hostile names', () => {
  const node = readFileSync(process.execPath);
  it('a program whose name has a line break, what looks like the end of a process name, an escape and a backslash is attested, shown harmlessly and traced', async () => {
    const name = 'a\nb) S 1 (y\x1b[31m\\x41';
    const program = path.join(mandate.home, name);
    writeFileSync(program, node, { mode: 0o755 });
    const hostile = launchAgent(mandate, 'hostile', program, ['x509']);
    const { svids } = await hostile.until('an SVID', ({ event }) => event === 'x509');
    for (const args of [
      ['who', String(hostile.pid)],
      ['trace', svids![0]!.serial!],
      ['agents', 'ls'],
    ]) {
      const { code, stdout } = await mandate.mandate(args);
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
    }
    const who = await mandate.json<{ facts: { selector: string; value: string }[] }>('who', String(hostile.pid));
    const shown = name.replace(/\\/g, '\\\\').replace(/[\n\x1b]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
    expect(who.facts).toContainEqual(expect.objectContaining({ selector: 'binary.path', value: path.join(mandate.home, shown) }));
    await hostile.end();
  });

  it('a program whose name is no UTF-8 is attested outside a launch, and refused with its name shown', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${mandate.home}/n`), Buffer.from([0xff])]), readFileSync('/bin/sleep'), { mode: 0o755 });
    const child = mandate.spawn('/bin/sh', ['-c', `exec "$(printf '%s/n\\377' "$0")" 60`, mandate.home], { stdio: 'ignore' });
    const facts = await until('the program that the shell becomes', async () => {
      const who = await mandate.json<{ facts: { selector: string; value: string }[] }>('who', String(child.pid));
      return who.facts.some(({ value }) => value.endsWith('n\\xff')) && who.facts;
    });
    expect(facts).toContainEqual(expect.objectContaining({ selector: 'binary.path', value: `${mandate.home}/n\\xff` }));
    child.kill();
  });

  it('a sparse file of 5 GiB is too large to be measured, and nothing is started', async () => {
    const huge = path.join(mandate.home, 'huge');
    await mandate.run('truncate', ['-s', '5G', huge]);
    await mandate.run('chmod', ['755', huge]);
    const { code, stderr } = await mandate.mandate(['run', '--', huge]);
    expect(code).toBe(125);
    expect(stderr).toContain('E_ATTEST_TOO_LARGE');
  });

  it('a FIFO is not executable', async () => {
    const fifo = path.join(mandate.home, 'fifo');
    await mandate.run('mkfifo', ['-m', '755', fifo]);
    expect(await mandate.mandate(['run', '--', fifo])).toMatchObject({ code: 126, stdout: '' });
  });
});
