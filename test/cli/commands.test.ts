import { CATALOGUE, type ErrorCode } from '../../src/domain/errors';
import { clock, layoutAt, mandate } from './command-line';
import { FakeService } from './fake-service';
import {
  AGENTS,
  AGENT_SHOWN,
  APPLIED,
  AUTHORITIES,
  AUTHORITY_ORDERED,
  BUNDLE,
  EXPLAINED,
  MANIFESTS,
  MANIFEST_SHOWN,
  RULES,
  RULE_BY_MANIFEST,
  RULE_SHOWN,
  SERIAL,
  STATUS,
  TD,
  WHO,
} from './samples';
import { agentsText } from '../../src/cli/commands/agents-ls';
import { rulesText } from '../../src/cli/commands/rules-ls';
import { styleOf } from '../../src/cli/style';

let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
});
beforeEach(() => {
  service.answers = {};
  service.asked.length = 0;
});
afterAll(() => service.stop());

const ask = (argv: readonly string[], terminal = false) => mandate(argv, { socket: service.socket, terminal });

describe('verbs ask the service and say its answer', () => {
  test('status', async () => {
    service.answers.admin = { status: STATUS };
    const { exit, out, err } = await ask(['status']);
    expect([exit, err]).toEqual([0, '']);
    expect(out).toBe(
      [
        `mandate 0.1.0 · trust domain ${TD} · ready`,
        '  workload API  unix:///run/user/1000/mandate/agent/agent.sock',
        '  bundle        https://127.0.0.1:8443/bundle',
        '                https://id.acme.example/bundle',
        '  health        http://127.0.0.1:8080/ready',
        '  mode          own user',
        '  separation    the issuer is not separated from your agents: at most `observed` (mandate help separation)',
        '  keys          keys in 0600 files',
        '  server        ready  pid 4101  uid 1000',
        '  node          ready  pid 4102  uid 1000',
        '  database      ready  pid 4103  uid 1000  private PostgreSQL 18',
        '  installation  0197c1de-0000-7000-8000-000000000001',
        '',
      ].join('\n'),
    );
    expect(service.asked).toEqual([{ verb: 'status', request: {} }]);
  });

  test('agents ls', async () => {
    service.answers.admin = { listAgents: AGENTS };
    const { out } = await ask(['agents', 'ls', '--all', '--limit', '2']);
    expect(out).toBe(
      'NAME        HUMAN  STATE    RULE      SVID-LEFT  PID    STARTED\n' +
        'hello-7k2m  ana    running  launched  872s       41207  2026-03-01T09:59:20Z\n' +
        'x-0000      –      ended    –         –          –      2026-03-01T09:59:20Z\n',
    );
    expect(service.asked).toEqual([{ verb: 'listAgents', request: { ended: true, limit: 2 } }]);
  });

  test('agents ls says on stderr where the list was cut', async () => {
    service.answers.admin = { listAgents: { ...AGENTS, more: true } };
    expect((await ask(['agents', 'ls'])).err).toBe('more agents than 100: see --limit\n');
    expect((await ask(['agents', 'ls', '-q'])).err).toBe('');
  });

  test('agents show', async () => {
    service.answers.admin = { showAgent: AGENT_SHOWN };
    const { out } = await ask(['agents', 'show', 'hello']);
    expect(out).toContain('hello-7k2m  running\n');
    expect(out).toContain('  human       ana (uid 1000)  os-account\n');
    expect(out).toContain('  task        weekly report (declared)\n');
    expect(out).toContain(`x509-svid ${SERIAL}`);
    expect(service.asked[0]).toEqual({ verb: 'showAgent', request: { reference: 'hello' } });
  });

  test('who', async () => {
    service.answers.admin = { who: WHO };
    const { out } = await ask(['who', '41207']);
    expect(out).toContain('pid 41207  agent hello-7k2m of ana\n');
    expect(out).toContain('  user.name      ana  observed\n');
    expect(out).toContain('  pid 900  uid 1000  /usr/bin/zsh\n');
    expect(service.asked[0]).toEqual({ verb: 'who', request: { pid: 41207 } });
  });

  test('rules ls and show', async () => {
    service.answers.admin = { listRules: RULES, showRule: RULE_SHOWN };
    expect((await ask(['rules', 'ls'])).out).toContain(
      'launched  v1       0         in force  /agent/{user}  15m00s/5m00s  2026-03-01T09:00:00Z  ana (uid 1000)\n',
    );
    const { out } = await ask(['rules', 'show', 'launched']);
    expect(out).toContain('  match      launch.id = *\n');
    expect(out).toContain('  require    delegator at least os-account\n');
    expect(out).toContain('  require    given launched or approved\n');
    expect(out).toContain('v1       2026-03-01T09:00:00Z  77ab77ab77ab  ana (uid 1000)\n');
  });

  test('rules show names the manifest that a rule goes by', async () => {
    service.answers.admin = { showRule: { ...RULE_SHOWN, rule: RULE_BY_MANIFEST } };
    expect((await ask(['rules', 'show', 'claude-code'])).out).toContain(
      '  match      binary.sha256 in manifest claude-code, grace 14d00h\n',
    );
  });

  test('rules explain', async () => {
    service.answers.admin = { explainRules: EXPLAINED };
    const { out } = await ask(['rules', 'explain', '--pid', '41377']);
    const sha = '77ab'.repeat(16);
    expect(out).toBe(
      [
        'pid 41377  not known as part of an agent',
        '  ✗ no identity for this process (E_NO_RULE)',
        '  delegator  ana  os-account',
        '  given      implicit',
        '  device     declared',
        '  fix        change rule reporter, or apply another that matches this process',
        '',
        `SELECTOR       VALUE${' '.repeat(61)}SOURCE  ASSURANCE`,
        `binary.sha256  ${sha}  binary  measured`,
        `user.name      ana${' '.repeat(63)}user    observed`,
        '',
        'Not established',
        '  cgroup:E_ATTEST_UNREADABLE',
        '',
        'Rule "trusted" v2: withheld (E_ASSURANCE)',
        '  ✓ user.name      ana',
        '  ✗ require.given  implicit  expected launched',
        '  fix  a launch at a controlling terminal',
        '',
        'Rule "reporter" v4: 1 of 3 conditions hold',
        `  ✗ binary.sha256  ${sha}  not in manifest reporter v3`,
        '  ✓ user.name      ana',
        '  ✗ launch.user    (nothing)  expected ana',
        '',
        '2 more rules are further away: mandate rules ls',
        '',
      ].join('\n'),
    );
    expect(service.asked[0]).toEqual({ verb: 'explainRules', request: { pid: 41377 } });
    expect((await ask(['rules', 'explain'])).exit).toBe(2);
    expect((await ask(['rules', 'explain', '--pid', 'me'])).exit).toBe(2);
  });

  test('rules explain of a process that has an identity', async () => {
    const rule = { ...EXPLAINED.rules[0]!, outcome: 'issues', spiffeId: 'spiffe://td/a', code: null, fix: null, conditions: [] };
    const identities = [{ spiffeId: 'spiffe://td/a', rule: 'trusted', ruleVersion: 2 }];
    service.answers.admin = { explainRules: { ...EXPLAINED, identities, refusal: null, rules: [rule], more: 0, gaps: [] } };
    const { out } = await ask(['rules', 'explain', '--pid', '1']);
    expect(out).toContain('  ✓ spiffe://td/a  rule trusted v2\n  delegator  ana  os-account\n');
    expect(out).toContain('Rule "trusted" v2: gives spiffe://td/a\n');
  });

  test('manifest ls and show', async () => {
    service.answers.admin = { listManifests: MANIFESTS, showManifest: MANIFEST_SHOWN };
    expect((await ask(['manifest', 'ls'])).out).toBe(
      'NAME         VERSION  KIND      STATE     ENTRIES  RULES        ACCEPTED              BY\n' +
        'claude-code  v3       releases  in force  1        claude-code  2026-03-01T09:00:00Z  ana (uid 1000)\n' +
        'old          v3       releases  damaged   1        –            2026-03-01T09:00:00Z  ana (uid 1000)\n',
    );
    const shown = (await ask(['manifest', 'show', 'claude-code'])).out;
    expect(shown).toContain('manifest claude-code v3  releases  in force\n');
    expect(shown).toContain(`2.1.0    ${'77ab'.repeat(16)}\n`);
    const { out } = await ask(['manifest', 'show', 'claude-code', '--diff']);
    const sha = '77ab'.repeat(16);
    expect(out).toContain(`Changed since v2\n  +  2.1.0  ${sha}\n  -  2.0.0  ${sha}\n  ~  2.0.9  ${sha} → ${sha}\n`);
    expect(out).toContain(`  ✓ binary.sha256  ${sha}  2.1.0 v3  rule claude-code  pid 41207, 41300\n`);
    expect(out).toContain(`  ✓ binary.sha256  ${sha}  2.0.0 v2, left out since, in grace  rule claude-code  pid 41301\n`);
    expect(out).toContain(`  ✗ binary.sha256  ${sha}  in no statement  rule claude-code  pid 41302\n`);
    expect(out).toContain(`v3, counts for nothing: declared, or changed while it ran  rule claude-code  pid 41303\n`);
    expect(out).toContain(`      ~  ~/.claude/settings.json  ${sha} → ${sha}\n`);
  });

  test('bundle show and export', async () => {
    service.answers.admin = { bundle: BUNDLE };
    expect((await ask(['bundle', 'show'])).out).toContain(`trust domain ${TD} · sequence 2 · read again after 60s\n`);
    expect((await ask(['bundle', 'export'])).out).toBe(BUNDLE.pem);
    expect((await ask(['bundle', 'export', '-o', 'json'])).out).toBe(BUNDLE.pem);
    expect(JSON.parse((await ask(['bundle', 'export', '--format', 'spiffe'])).out)).toEqual(BUNDLE.spiffe);
    expect(JSON.parse((await ask(['bundle', 'export', '--format', 'jwks'])).out)).toEqual(BUNDLE.jwks);
  });

  test.each([
    [['status'], 'status', STATUS],
    [['agents', 'ls'], 'listAgents', AGENTS],
    [['agents', 'show', 'x-0000'], 'showAgent', AGENT_SHOWN],
    [['who', '1'], 'who', WHO],
    [['rules', 'ls'], 'listRules', RULES],
    [['rules', 'show', 'a'], 'showRule', RULE_SHOWN],
    [['rules', 'explain', '--pid', '1'], 'explainRules', EXPLAINED],
    [['manifest', 'ls'], 'listManifests', MANIFESTS],
    [['manifest', 'show', 'a'], 'showManifest', MANIFEST_SHOWN],
    [['bundle', 'show'], 'bundle', BUNDLE],
    [['ca', 'show'], 'showAuthorities', AUTHORITIES],
    [['ca', 'rotate'], 'orderAuthorities', AUTHORITY_ORDERED],
    [['ca', 'activate', 'dd44'], 'orderAuthorities', AUTHORITY_ORDERED],
  ] as const)('%j -o json is the service’s own document', async (argv, verb, answer) => {
    service.answers.admin = { [verb]: answer };
    const { exit, out, err } = await ask([...argv, '-o', 'json'], true);
    expect([exit, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual(answer);
  });

  test('-o jsonl prints one element a line', async () => {
    service.answers.admin = { listAgents: AGENTS };
    const lines = (await ask(['agents', 'ls', '-o', 'jsonl'])).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(AGENTS.agents);
  });

  test('global flags may stand before the command', async () => {
    service.answers.admin = { status: STATUS, listAgents: AGENTS };
    expect(JSON.parse((await ask(['-o', 'json', 'status'])).out)).toEqual(STATUS);
    expect(JSON.parse((await ask(['agents', '-o', 'json', 'ls'])).out)).toEqual(AGENTS);
  });
});

describe('failures of the service', () => {
  test.each(Object.keys(CATALOGUE) as ErrorCode[])('%s keeps its code and exit code', async (code) => {
    service.answers.admin = { status: { fails: { code } } };
    const text = await ask(['status']);
    expect(text.exit).toBe(CATALOGUE[code].exit);
    expect(text.out).toBe('');
    expect(text.err).toContain(`${CATALOGUE[code].message} (${code})\n`);
    const json = await ask(['status', '-o', 'json']);
    expect(json.exit).toBe(CATALOGUE[code].exit);
    expect(JSON.parse(json.out)).toMatchObject({ error: { code, message: CATALOGUE[code].message, help: `mandate help ${code}` } });
  });

  test('what the service adds arrives', async () => {
    const refusal = {
      code: 'E_NOT_FOUND' as const,
      message: 'no such thing: it fits none',
      saw: [{ value: '5f3a' }],
      remedy: 'look at agents ls',
    };
    service.answers.admin = { showAgent: { fails: refusal } };
    expect((await ask(['agents', 'show', 'x-1234'])).err).toBe(
      'error: no such thing (E_NOT_FOUND)\n  saw   5f3a\n  why   it fits none\n  fix   look at agents ls\n  more  mandate help E_NOT_FOUND\n',
    );
  });

  test('an unknown code of a newer service is no code of ours', async () => {
    service.answers.admin = { status: { fails: { code: 'E_TOMORROW' as ErrorCode }, bare: undefined } };
    const { exit, err } = await ask(['status']);
    expect(exit).toBe(1);
    expect(err).toContain('(E_INTERNAL)');
  });

  test.each([
    [3, 2],
    [4, 8],
    [5, 7],
    [7, 3],
    [8, 5],
    [12, 1],
    [13, 1],
  ])('a bare gRPC status %d exits %d', async (bare, exit) => {
    service.answers.admin = { status: { fails: { code: 'E_INTERNAL' }, bare } };
    expect((await ask(['status'])).exit).toBe(exit);
  });

  test.each(['', 'not json', '3', 'null', '"text"'])('an answer that is no document (%s) is a failure, not a crash', async (answer) => {
    service.answers.admin = { status: answer };
    const { exit, err } = await ask(['status']);
    expect(exit).toBe(1);
    expect(err).toContain('(E_INTERNAL)');
    expect(err).not.toContain('    at ');
  });

  test('nothing there at all', async () => {
    const { exit, err } = await mandate(['status'], { socket: `${service.folder}/none.sock` });
    expect(exit).toBe(5);
    expect(err).toBe(
      `error: nothing answers on the socket (E_NOT_RUNNING)\n  saw   no socket at ${service.folder}/none.sock\n  fix   start it with: mandate up -d\n  more  mandate help E_NOT_RUNNING\n`,
    );
  });

  test('an installation of the machine is asked by whoever named none', async () => {
    service.answers.admin = { status: STATUS };
    const world = { socket: `${service.folder}/none.sock`, deps: { machine: () => layoutAt(service.socket) } };
    expect((await mandate(['status'], world)).exit).toBe(0);
    expect((await mandate(['status', '--state', '/elsewhere'], world)).exit).toBe(5);
    expect((await mandate(['status'], { ...world, env: { MANDATE_STATE: '/elsewhere' } })).exit).toBe(5);
  });

  test('a crash is never the message; the stack is for those who ask', async () => {
    const broken = { layoutFor: () => JSON.parse('{') as never };
    const quiet = await mandate(['status'], { deps: broken });
    expect(quiet.exit).toBe(1);
    expect(quiet.err).toBe('error: something went wrong inside mandate (E_INTERNAL)\n  more  mandate help E_INTERNAL\n');
    const debug = await mandate(['status'], { deps: broken, env: { MANDATE_LOG: 'debug' } });
    expect(debug.err).toContain('SyntaxError');
  });
});

describe('rules apply', () => {
  const rule = (name: string, more = '') =>
    `apiVersion: mandate/v1\nkind: Rule\nname: ${name}\nmatch:\n  user.uid: ["1000"]\nissue:\n  id: /agent/{user}\n${more}`;

  test('sends the files, with what they name, and says what changed', async () => {
    const { mkdtempSync, writeFileSync } = await import('node:fs');
    const folder = mkdtempSync(`${service.folder}/rules-`);
    writeFileSync(`${folder}/hashes.txt`, `${'ab'.repeat(32)}\n`);
    writeFileSync(`${folder}/a.yaml`, rule('claude-code').replace('user.uid: ["1000"]', 'binary.sha256: { file: hashes.txt }'));
    service.answers.admin = { applyRules: APPLIED };
    const { exit, out, err } = await ask(['rules', 'apply', `${folder}/a.yaml`]);
    expect([exit, err]).toEqual([0, '']);
    expect(out).toBe(
      'new       rule claude-code v1\n' +
        'changed   rule launched v1 → v2\n' +
        'unchanged rule reporter\n' +
        'default identity changed for\n' +
        `  pid 41207 hello-7k2m: spiffe://${TD}/agent/ana → spiffe://${TD}/agent/ana/claude-code\n`,
    );
    const request = service.asked[0]?.request as { files: { fileName: string; text: string; includes: object }[] };
    expect(request.files).toHaveLength(1);
    expect(request.files[0]?.includes).toEqual({ 'hashes.txt': `${'ab'.repeat(32)}\n` });
  });

  test('a file with a mistake is never sent', async () => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${service.folder}/bad.yaml`, rule('a').replace('match:', 'mtach:'));
    const { exit, err } = await ask(['rules', 'apply', `${service.folder}/bad.yaml`]);
    expect(exit).toBe(1);
    expect(err).toContain('bad.yaml:4:1');
    expect(service.asked).toEqual([]);
    expect((await ask(['rules', 'validate', `${service.folder}/bad.yaml`])).exit).toBe(1);
  });

  test('a rule that fails its own test is neither valid nor sent', async () => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      `${service.folder}/t.yaml`,
      rule('a', 'tests:\n  - name: root gets one\n    given: { user.uid: "0" }\n    expect: issued\n'),
    );
    const { exit, err } = await ask(['rules', 'validate', `${service.folder}/t.yaml`]);
    expect(exit).toBe(1);
    expect(err).toContain('"root gets one" expects issued, got E_NO_RULE');
    expect((await ask(['rules', 'apply', `${service.folder}/t.yaml`])).exit).toBe(1);
    expect(service.asked).toEqual([]);
  });

  test('valid files say so', async () => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${service.folder}/ok.yaml`, rule('a'));
    const { exit, out } = await mandate(['rules', 'validate', 'ok.yaml'], { cwd: service.folder });
    expect([exit, out]).toEqual([0, 'ok.yaml: rule a is valid, 0 tests passed\n']);
  });

  test.each([
    ['/nonexistent.yaml', 7],
    ['/dev/zero', 1],
  ])('%s is refused with a sentence', async (file, exit) => {
    const said = await ask(['rules', 'validate', file]);
    expect(said.exit).toBe(exit);
    expect(said.err).toContain(file);
  });
});

describe('what people see', () => {
  const person = styleOf({ isTTY: true }, { NO_COLOR: '1' });

  test('relative times on a terminal', () => {
    expect(agentsText(AGENTS, clock.nowMs(), person)).toContain('hello-7k2m  ana    running  launched  14m32s ');
  });

  test('hostile names in tables are escaped, and rows stay rows', () => {
    const hostile = { ...AGENTS, agents: [{ ...AGENTS.agents[0]!, name: 'a\n\u001b[2Jb', human: '\u202eeve', rule: 'r\tx' }] };
    const text = agentsText(hostile, clock.nowMs(), person);
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toContain('a\\n\\x1b[2Jb');
    expect(text).toContain('\\u202eeve');
    expect(text).toContain('r\\tx');
  });

  test('hostile names in JSON are the same value in safe characters', async () => {
    const name = 'a\u009b2J\u202e\u2028b\u001b';
    service.answers.admin = { listAgents: { agents: [{ ...AGENTS.agents[0], name }], more: false } };
    const { out } = await ask(['agents', 'ls', '-o', 'json']);
    expect(out).not.toMatch(/[\u0080-\u009f\u202e\u2028]|\u001b/);
    expect((JSON.parse(out) as typeof AGENTS).agents[0]?.name).toBe(name);
  });

  test('no rules and no agents are said in words', () => {
    expect(rulesText({ generation: 0, rules: [] }, clock.nowMs(), person)).toBe('no rules: every process is refused\n');
    expect(agentsText({ agents: [], more: false }, clock.nowMs(), person)).toBe('no agents\n');
  });
});
