import { integrityAttestor } from '../../attestors/integrity';
import { lines, NAMESPACES, recorded, type Recorded, recordedReads, type RecordedReads } from './recorded';

const stated = async (process: Recorded, reads: RecordedReads = {}): Promise<string[]> =>
  lines(await integrityAttestor(recordedReads(reads), NAMESPACES).attest(recorded(process), { launch: undefined }));

const ORDINARY = [
  'traced=false (observed)',
  'no_new_privs=false (observed)',
  'seccomp=off (observed)',
  'user_namespace=same (observed)',
  'mount_namespace=same (observed)',
  'pid_namespace=same (observed)',
  'network_namespace=same (observed)',
  'foreign_code=false (observed)',
  'replaceable=false (observed)',
  'file_system=ext (observed)',
];

test('a process that nothing was done to', async () => expect(await stated({})).toEqual(ORDINARY));

test.each<[string, Recorded, RecordedReads, string[]]>([
  ['a debugger', { status: 'TracerPid:\t7\nNoNewPrivs:\t0\nSeccomp:\t0\n' }, {}, ['traced=true (observed)']],
  ['no tracer line', { status: 'NoNewPrivs:\t0\nSeccomp:\t0\n' }, {}, ['traced=true (observed)']],
  [
    'a sandbox',
    { status: 'TracerPid:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n', namespaces: { 'ns/net': 'net:[9]' } },
    {},
    ['no_new_privs=true (observed)', 'seccomp=filter (observed)', 'network_namespace=other (observed)'],
  ],
  ['mounts of its own', { namespaces: { 'ns/mnt': 'mnt:[9]' } }, {}, ['mount_namespace=other (observed)']],
  [
    'variables that load code, by name alone',
    {},
    { variables: { LD_PRELOAD: '/secret.so', NODE_OPTIONS: '-r secret', HOME: '/secret' } },
    ['variable=LD_PRELOAD (declared)', 'variable=NODE_OPTIONS (declared)'],
  ],
  [
    'foreign code',
    {},
    { code: { foreign: ['/tmp/evil\n.so'], complete: false } },
    ['foreign_code=true (observed)', 'foreign_file=/tmp/evil\\x0a.so (observed)'],
  ],
  [
    'a program that can be exchanged',
    {},
    { code: { replaceable: true, fileSystem: 'fuse' } },
    ['replaceable=true (observed)', 'file_system=fuse (observed)'],
  ],
])('%s', async (_, process, reads, expected) => {
  const seen = await stated(process, reads);
  expect(seen.filter((line) => !ORDINARY.includes(line))).toEqual(expected);
});

test('more mappings than are read: that there is no foreign code is not said', async () =>
  expect((await stated({}, { code: { complete: false } })).filter((line) => line.startsWith('foreign'))).toEqual([]));

test('the first eight foreign files are named', async () => {
  const foreign = Array.from({ length: 60 }, (_, i) => `/x/${i}.so`);
  expect((await stated({}, { code: { foreign } })).filter((line) => line.startsWith('foreign_file'))).toHaveLength(8);
});

test('no value of a variable is ever stated', async () => {
  const variables = Object.fromEntries(['LD_PRELOAD', 'LD_LIBRARY_PATH', 'BASH_ENV', 'ANTHROPIC_API_KEY'].map((name) => [name, 'hunter2']));
  expect((await stated({}, { variables })).join()).not.toMatch(/hunter2|ANTHROPIC/);
});
