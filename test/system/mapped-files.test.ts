import { chmodSync, closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { executableFiles, mappedFiles, queried } from '../../src/system/mapped-files';
import { talkTo } from './peers';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mapped-')));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the text of mappings', () => {
  const line = (rights: string, file: string): string => `7f0000000000-7f0000001000 ${rights} 00000000 ${file}`;
  test.each<[string, string, [major: number, minor: number, inode: bigint, path: string][]]>([
    ['code of a file', line('r-xp', '08:01 42                        /usr/lib/libm.so.6'), [[8, 1, 42n, '/usr/lib/libm.so.6']]],
    ['a device with large numbers', line('r-xp', '12345:6789a 7 /x'), [[0x12345, 0x6789a, 7n, '/x']]],
    ['data of a file', line('rw-p', '08:01 42 /usr/lib/libm.so.6'), []],
    ['code of no file', line('r-xp', '00:00 0                          [vdso]'), []],
    ['code without a name', line('r-xp', '00:00 0 '), []],
    ['a file that is gone', line('r-xp', '08:01 42 /tmp/x (deleted)'), [[8, 1, 42n, '/tmp/x (deleted)']]],
    ['a path with spaces and a newline', line('r-xs', '08:01 42 /tmp/a b\\012c'), [[8, 1, 42n, '/tmp/a b\\012c']]],
    ['one file twice', [line('r-xp', '08:01 42 /x'), line('--xp', '08:01 42 /x')].join('\n'), [[8, 1, 42n, '/x']]],
  ])('%s', (_, text, expected) =>
    expect(executableFiles(text)).toEqual(expected.map(([major, minor, inode, path]) => ({ major, minor, inode, path }))),
  );
});

const asked = (pid: number) => {
  const maps = openSync(`/proc/${pid}/maps`, 'r');
  try {
    return queried(maps);
  } finally {
    closeSync(maps);
  }
};

/** Kernels before 6.11 write the text, and nothing else. */
const onKernelsThatAnswer = asked(process.pid) === undefined ? test.skip : test;

onKernelsThatAnswer(
  'the kernel answers what its text says, of a program whose file has a newline in its name and is gone as well',
  async () => {
    const program = join(folder, 'own\nsh');
    copyFileSync('/bin/sh', program);
    chmodSync(program, 0o755);
    const talker = talkTo(program, ['-c', 'echo up; read line']);
    try {
      await talker.hear();
      for (const ending of ['', ' (deleted)']) {
        if (ending !== '') rmSync(program);
        const text = executableFiles(readFileSync(`/proc/${talker.pid}/maps`, 'latin1'));
        expect(text.map(({ path }) => path)).toContain(`${folder}/own\\012sh${ending}`);
        expect(asked(talker.pid)).toEqual({ files: text, complete: true });
      }
    } finally {
      await talker.end();
    }
  },
);

onKernelsThatAnswer('this process has the same code mapped either way', () => {
  const text = executableFiles(readFileSync('/proc/self/maps', 'latin1'));
  expect(text.length).toBeGreaterThan(1);
  expect(asked(process.pid)?.files).toEqual(text);
});

test('where nobody answers, the text is read', () => {
  const elsewhere = openSync('/proc/self/status', 'r');
  expect(queried(elsewhere)).toBeUndefined();
  closeSync(elsewhere);
  const own = openSync('/proc/self', 'r');
  expect(mappedFiles(own).files.map(({ path }) => path)).toContain(realpathSync(process.execPath));
  closeSync(own);
});
