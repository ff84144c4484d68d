import { agentAttestor } from '../../attestors/agent';
import type { LaunchMembership } from '../../src/domain/attestation';
import { configurationFiles } from '../../src/domain/configuration';
import { FactIndex } from '../../src/domain/facts';
import { governedNames } from '../../src/domain/governing-files';
import { agentOfProduct } from '../../src/domain/known-agents';
import { configurationDigest } from '../../src/domain/manifest';
import { RunningScripts } from '../../src/domain/running-script';
import { evidence } from '../domain/samples';
import { lines, recorded, type Recorded, recordedReads, type RecordedReads, sha256 } from './recorded';

const launch: LaunchMembership = {
  launchId: 'L',
  name: 'n',
  programPath: '/p',
  programSha256: 's',
  user: 'ana',
  uid: 1000,
  ownUid: 0,
  programSeen: true,
  via: 'pinned',
};
const home = { home: () => '/home/ana' };

async function stated(process: Recorded, reads: RecordedReads, launched?: LaunchMembership): Promise<string[]> {
  const reader = recordedReads(reads);
  return lines(await agentAttestor(reader, new RunningScripts(reader), home).attest(recorded(process), { launch: launched }));
}

const NATIVE = { exe: '/home/ana/.local/share/claude/versions/2.1.7' };
const digest = (facts: readonly string[]): string | undefined => facts.find((line) => line.startsWith('config_sha256='));
const npm = (name: string, files: Record<string, string> = {}): RecordedReads => ({
  args: ['node', '/npm/cli.js'],
  files: { '/npm/cli.js': '', '/npm/package.json': `{"name":"${name}","version":"3.2.1"}`, ...files },
});

describe('which agent it is', () => {
  test.each<[string, Recorded, RecordedReads, string[]]>([
    ['native, with a version in its path', NATIVE, {}, ['product=claude-code (declared)', 'version=2.1.7 (declared)']],
    ['deleted by its updater', { exe: `${NATIVE.exe} (deleted)` }, {}, ['product=claude-code (declared)', 'version=2.1.7 (declared)']],
    ['native, by name', { exe: '/usr/local/bin/codex' }, {}, ['product=codex (declared)']],
    ['an npm package', { exe: '/usr/bin/node' }, npm('@google/gemini-cli'), ['product=gemini-cli (declared)', 'version=3.2.1 (declared)']],
    ['another package', { exe: '/usr/bin/node' }, npm('@acme/gemini-cli'), []],
    [
      'a Python project of that name',
      { exe: '/usr/bin/python3' },
      { args: ['python3', '/p/x.py'], files: { '/p/x.py': '', '/p/pyproject.toml': '[project]\nname="codex"\nversion="1"' } },
      [],
    ],
    ['a program that only sounds like it', { exe: '/usr/bin/claude-wrapper' }, {}, []],
  ])('%s', async (_, process, reads, expected) =>
    expect((await stated(process, reads)).filter((line) => /^(product|version)=/.test(line))).toEqual(expected),
  );

  test('what was launched is an agent; what that starts is not', async () => {
    expect((await stated({}, {}, launch))[0]).toBe('product=generic (declared)');
    expect(await stated({}, {}, { ...launch, via: 'ancestor' })).toEqual([]);
    expect(await stated({}, {})).toEqual([]);
  });
});

describe('what governs it', () => {
  const files = {
    '/etc/claude-code/managed-settings.json': 'm',
    '/home/ana/.claude/settings.json': 'u',
    '/work/project/.mcp.json': 'p',
    '/work/CLAUDE.md': 'a',
  };

  test('each file by its name and hash', async () =>
    expect((await stated(NATIVE, { files })).slice(3)).toEqual([
      `config_file=/etc/claude-code/managed-settings.json ${sha256('m')} (observed)`,
      `config_file=~/.claude/settings.json ${sha256('u')} (observed)`,
      `config_file=./.mcp.json ${sha256('p')} (observed)`,
      `config_file=../CLAUDE.md ${sha256('a')} (observed)`,
    ]));

  test('the digest changes with each file that comes, goes or changes, and with nothing else', async () => {
    const of = async (changed: Record<string, string | undefined>) => digest(await stated(NATIVE, { files: changed }));
    const seen = [
      await of(files),
      await of({}),
      await of({ ...files, '/work/CLAUDE.md': 'b' }),
      await of({ ...files, '/work/project/CLAUDE.md': 'a' }),
      await of({ ...files, '/home/ana/.claude.json': '{}' }),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(await of({ ...files, '/home/ana/.claude/history.jsonl': 'x', '/work/project/src/CLAUDE.md': 'x' })).toBe(seen[0]);
  });

  test('the same configuration has the same digest in another home and another project', async () => {
    const elsewhere = {
      '/etc/claude-code/managed-settings.json': 'm',
      '/home/ana/.claude/settings.json': 'u',
      '/srv/other/.mcp.json': 'p',
      '/srv/CLAUDE.md': 'a',
    };
    expect(digest(await stated({ ...NATIVE, cwd: '/srv/other' }, { files: elsewhere }))).toBe(digest(await stated(NATIVE, { files })));
  });

  test.each<[string, RecordedReads]>([
    ['the environment moves its folder', { variables: { CLAUDE_CONFIG_DIR: '/tmp/c' }, files: { '/tmp/c/settings.json': 'u' } }],
    ['the environment names another home', { variables: { HOME: '/tmp/c' }, files: { '/tmp/c/.claude/settings.json': 'u' } }],
  ])('declared where %s, and read there', async (_, reads) => {
    const facts = await stated(NATIVE, reads);
    expect(digest(facts)).toMatch(/\(declared\)$/);
    expect(facts).toContain(`config_file=~/.claude/settings.json ${sha256('u')} (declared)`);
  });

  test('observed where the environment names the home of the account', async () =>
    expect(digest(await stated(NATIVE, { variables: { HOME: '/home/ana/' } }))).toMatch(/\(observed\)$/));

  test('declared where a file may not be read', async () => {
    const facts = await stated(NATIVE, { files: { '/work/project/CLAUDE.md': undefined } });
    expect(digest(facts)).toMatch(/\(declared\)$/);
    expect(facts).toContain('config_file=./CLAUDE.md refused (observed)');
  });
});

describe('as a manifest lists it', () => {
  const files = { '/home/ana/.claude/settings.json': 'u', '/work/project/CLAUDE.md': 'p' };
  const listed = [
    { name: './CLAUDE.md', sha256: sha256('p') },
    { name: '~/.claude/settings.json', sha256: sha256('u') },
  ];

  test('the digest is that of a configuration for this agent, and of no other', async () => {
    expect(digest(await stated(NATIVE, { files }))).toBe(`config_sha256=${configurationDigest(listed, 'claude-code')} (observed)`);
    expect(new Set(['claude-code', 'codex', undefined].map((agent) => configurationDigest(listed, agent))).size).toBe(3);
  });

  test('sha256sum(1) and a line for the agent give the same', () => {
    const text = `agent claude-code\n${sha256('p')}  ./CLAUDE.md\n${sha256('u')}  ~/.claude/settings.json\n`;
    expect(configurationDigest(listed, 'claude-code')).toBe(sha256(text));
  });

  test('the files behind it can be told one by one, unless they are not all there', async () => {
    const facts = await agentAttestor(recordedReads({ files }), new RunningScripts(recordedReads({ files })), home).attest(
      recorded(NATIVE),
      {
        launch: undefined,
      },
    );
    const of = (some: typeof facts) =>
      configurationFiles(
        new FactIndex(evidence({}, { facts: some.map(({ name, value, assurance }) => ({ type: `agent.${name}`, value, assurance })) })),
      );
    expect(of(facts)).toEqual(expect.arrayContaining(listed));
    expect(of(facts.filter(({ value }) => !value.startsWith('~')))).toBeUndefined();
  });

  test.each(['claude-code', 'codex', 'gemini-cli', 'generic'])('%s has no more files than are stated one by one', (product) =>
    expect(governedNames(agentOfProduct(product)!).size).toBeLessThanOrEqual(48),
  );
});
