import { scriptAttestor } from '../../attestors/script';
import type { PatientReader } from '../../src/domain/attestation';
import { RunningScripts } from '../../src/domain/running-script';
import { lines, recorded, type Recorded, recordedReads, type RecordedReads, sha256 } from './recorded';

const alone = { launch: undefined };
const stated = async (exe: string, reads: RecordedReads, process: Recorded = {}): Promise<string[]> =>
  lines(await scriptAttestor(new RunningScripts(recordedReads(reads))).attest(recorded({ ...process, exe }), alone));
const declared = (values: Record<string, string>): string[] => Object.entries(values).map(([name, value]) => `${name}=${value} (declared)`);

test.each<[string, string, RecordedReads, Record<string, string>]>([
  [
    'a file, from the working folder',
    '/usr/bin/node',
    { args: ['node', 'x.js'], files: { '/work/project/x.js': '1' } },
    { interpreter: 'node', mode: 'file', path: '/work/project/x.js', sha256: sha256('1') },
  ],
  [
    'a link in a bin folder of npm',
    '/usr/bin/node',
    {
      args: ['node', '/usr/bin/claude'],
      links: { '/usr/bin/claude': '/usr/lib/node_modules/c/bin/cli.js' },
      files: {
        '/usr/lib/node_modules/c/bin/cli.js': '2',
        '/usr/lib/node_modules/c/package.json': '{"name":"@anthropic-ai/claude-code","version":"2.0.1"}',
      },
    },
    {
      interpreter: 'node',
      mode: 'file',
      path: '/usr/lib/node_modules/c/bin/cli.js',
      sha256: sha256('2'),
      package: 'npm:@anthropic-ai/claude-code@2.0.1',
    },
  ],
  [
    'the nearest package.json that names a package',
    '/usr/bin/node',
    {
      args: ['node', '/a/esm/x.js'],
      files: {
        '/a/esm/x.js': '',
        '/a/esm/package.json': '{"type":"module"}',
        '/a/package.json': '{"name":"a","version":"1"}',
        '/package.json': '{"name":"root","version":"1"}',
      },
    },
    { interpreter: 'node', mode: 'file', path: '/a/esm/x.js', sha256: sha256(''), package: 'npm:a@1' },
  ],
  [
    'a name without its ending',
    '/usr/bin/node',
    { args: ['node', 'x'], files: { '/work/project/x.js': '' } },
    { interpreter: 'node', mode: 'file', path: '/work/project/x.js', sha256: sha256('') },
  ],
  [
    'a Python folder, with its project',
    '/usr/bin/python3.13',
    { args: ['python3', '/p/src'], files: { '/p/src/__main__.py': '', '/p/pyproject.toml': '[project]\nname = "p"\nversion = "2"' } },
    { interpreter: 'python', mode: 'file', path: '/p/src/__main__.py', sha256: sha256(''), package: 'pypi:p@2' },
  ],
  ['a Python module', '/usr/bin/python3', { args: ['python3', '-m', 'aider'] }, { interpreter: 'python', mode: 'module', module: 'aider' }],
  ['code in an argument', '/usr/bin/dash', { args: ['sh', '-c', 'x'] }, { interpreter: 'sh', mode: 'inline' }],
  ['a script that may not be read, or is gone', '/usr/bin/node', { args: ['node', '/x.js'] }, { interpreter: 'node', mode: 'file' }],
  ['an overwritten title', '/usr/bin/node', { args: ['claude', '', ''] }, {}],
  ['a program that is no interpreter', '/usr/bin/claude', { args: ['node', '/x.js'], files: { '/x.js': '' } }, {}],
])('%s', async (_, exe, reads, expected) => expect(await stated(exe, reads)).toEqual(declared(expected)));

test('preloads, the first eight of them', async () => {
  const args = ['node', ...Array.from({ length: 20 }, (_, i) => ['-r', `p${i}`]).flat(), '/x.js'];
  expect((await stated('/usr/bin/node', { args })).slice(2)).toEqual(Array.from({ length: 8 }, (_, i) => `preload=p${i} (declared)`));
});

test('whatever it says, nothing is known of it', async () => {
  const args = ['node', '-r', 'a\n', '/x\xff.js'];
  for (const line of await stated('/usr/bin/node', { args, files: { '/x\xff.js': '' } })) expect(line).toMatch(/^[ -~]* \(declared\)$/);
});

test('a script is looked at once for each program, also when asked again and at once', async () => {
  const reads = recordedReads({ args: ['node', 'x.js'], files: { '/work/project/x.js': '' } });
  const scripts = new RunningScripts(reads);
  const view = recorded({ exe: '/usr/bin/node' });
  await Promise.all([scripts.of(view), scripts.of(view)]);
  await scripts.of(view);
  expect(reads.looks).toBe(1);
  await scripts.of(recorded({ exe: '/usr/bin/node' }));
  expect(reads.looks).toBe(2);
});

test('a look that failed is not kept', async () => {
  const reads = recordedReads({ args: ['sh'] });
  let failures = 1;
  const failing: PatientReader = {
    ...reads,
    script: (view) => (failures-- > 0 ? Promise.reject(new Error('once')) : reads.script(view)),
  };
  const scripts = new RunningScripts(failing);
  const view = recorded({ exe: '/bin/sh' });
  await expect(scripts.of(view)).rejects.toThrow('once');
  expect(await scripts.of(view)).toMatchObject({ interpreter: 'sh' });
});

describe('a command that is about to run', () => {
  const files = {
    '/opt/agent/cli.js': '#!/usr/bin/env -S node --flag\ncode',
    '/opt/agent/package.json': '{"name":"agent","version":"1.0.0"}',
    '/work/tool.py': '#!/usr/bin/python3.11 -u\ncode',
    '/work/perl': '#!/usr/bin/perl\ncode',
    '/usr/bin/native': 'ELF',
  };
  const links = { '/usr/local/bin/agent': '/opt/agent/cli.js' };
  test.each<[string, string, string, string[], unknown]>([
    [
      'a link in a bin folder to a script',
      '/usr/local/bin/agent',
      '/opt/agent/cli.js',
      ['agent'],
      [true, 'node', '/opt/agent/cli.js', 'npm:agent@1.0.0'],
    ],
    [
      'a script by its interpreter',
      '/usr/bin/node',
      '/usr/bin/node',
      ['node', '-r', 'x', '/opt/agent/cli.js'],
      [false, 'node', '/opt/agent/cli.js', 'npm:agent@1.0.0'],
    ],
    [
      'an interpreter by a link',
      '/usr/bin/python',
      '/usr/bin/python3.11',
      ['python', '/work/tool.py'],
      [false, 'python', '/work/tool.py', undefined],
    ],
    ['a #! line with a path', '/work/tool.py', '/work/tool.py', ['tool.py'], [true, 'python', '/work/tool.py', undefined]],
    ['code on the command line', '/bin/sh', '/usr/bin/dash', ['sh', '-c', 'x'], [false, 'sh', undefined, undefined]],
    ['a script of another interpreter', '/work/perl', '/work/perl', ['perl'], [true]],
    ['a native program', '/usr/bin/native', '/usr/bin/native', ['native'], [false]],
  ])('%s', async (_name, program, real, args, expected) => {
    const { shebang, script } = await new RunningScripts(recordedReads({ files, links })).announced(recorded({}), program, real, args);
    expect(script ? [shebang, script.interpreter, script.file?.path, script.package] : [shebang]).toEqual(expected);
  });
});
