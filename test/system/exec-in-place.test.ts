import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveProgram } from '../../src/system/resolve-program';
import { sourceArguments, talkTo } from './peers';

const root = process.geteuid!() === 0;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'exec-'));
  for (const [name, mode, text] of [
    ['a/tool', 0o755, '#!/bin/sh\necho tool'],
    ['b/tool', 0o755, 'never reached'],
    ['b/shut', 0o644, ''],
    ['c/shut', 0o755, ''],
    ['b/only-shut', 0o644, ''],
    ['c/bare', 0o755, 'echo bare $0 $1'],
  ] as const) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text, { mode });
    chmodSync(join(folder, name), mode);
  }
  mkdirSync(join(folder, 'a', 'folder'));
  symlinkSync('tool', join(folder, 'a', 'link'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the program that execvp would run', () => {
  const inFolder = (path: string): string =>
    path
      .split(':')
      .map((part) => part && join(folder, part))
      .join(':');
  test.each([
    ['the first in PATH', 'tool', 'a:b', 'a/tool'],
    ['not one that may not be executed', 'shut', 'a:b:c', 'c/shut'],
    ['past folders that are not there', 'tool', 'none:a/tool:a', 'a/tool'],
    ['an empty element is the working directory', 'tool', 'none::a', 'b/tool'],
    ['a slash means a path, from the working directory', './tool', 'a', 'b/tool'],
    ['a link by its own name', 'link', 'a', 'a/link'],
  ])('%s', (_, name, path, found) => expect(resolveProgram(name, inFolder(path), join(folder, 'b'))).toBe(join(folder, found)));

  test('an absolute path', () => expect(resolveProgram(join(folder, 'c/shut'), undefined, '/')).toBe(join(folder, 'c/shut')));

  test.each([
    ['tool', 'none', 'E_RUN_NOT_FOUND'],
    ['', 'a', 'E_RUN_NOT_FOUND'],
    ['to\0ol', 'a', 'E_RUN_NOT_FOUND'],
    ['./none', 'a', 'E_RUN_NOT_FOUND'],
    ['only-shut', 'a:b:c', 'E_RUN_NOT_EXECUTABLE'],
    ['folder', 'a', 'E_RUN_NOT_EXECUTABLE'],
    ['./only-shut', '', 'E_RUN_NOT_EXECUTABLE'],
  ])('%j is refused', (name, path, code) =>
    expect(() => resolveProgram(name, inFolder(path), join(folder, 'b'))).toThrow(expect.objectContaining({ code })),
  );

  test('without PATH, where the C library looks', () => expect(resolveProgram('sh', undefined, '/')).toMatch(/^\/(usr\/)?bin\/sh$/));
});

/** Becomes the program named by the arguments, the way the launcher does. */
const LAUNCHER = `
  const descriptors = system('inherited-descriptors').inheritedDescriptors();
  const { execInPlace } = system('exec-in-place');
  const argv = process.argv.slice(1);
  try {
    execInPlace({
      path: system('resolve-program').resolveProgram(argv[0], process.env.PATH, process.cwd()),
      argv: argv.map((text) => Buffer.from(text)),
      env: Object.entries(process.env).map(([name, value]) => Buffer.from(name + '=' + value)),
      descriptors,
      startedWith: undefined,
    });
  } catch (error) { console.log(error.code); process.exit(error.exitCode); }`;

/** What a shell sees when it runs `program` in place of "$@" by way of the launcher, or directly. */
function outcome(script: string, by: 'launcher' | 'itself'): string {
  const launcher = by === 'launcher' ? [process.execPath, ...sourceArguments(LAUNCHER)] : [];
  const run = `run() { ${launcher.map(quoted).join(' ')} "$@"; }; cd ${quoted(process.cwd())}; ${script}\necho "status $?"`;
  return execFileSync('sh', ['-c', run], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

describe('a program that we became behaves as if we had never been there', () => {
  test.each([
    ['its exit status', `run sh -c 'exit 3'`],
    ['its death by a signal', `(run sh -c 'kill -TERM $$') 2>/dev/null`],
    ['its arguments and environment', `A='b c' run sh -c 'printf "%s|" "$0" "$@" "$A"' x '' 'y z' '*'`],
    ['ignored and blocked signals', `run grep -E '^Sig(Ign|Blk|Cgt)' /proc/self/status`],
    ['a broken pipe', `exec 9>&1; { run yes; echo "$?" >&9; } | head -1 >&2`],
    ['limits on open files', `ulimit -Sn 123; run sh -c 'ulimit -Sn; ulimit -Hn'`],
    [
      'standard streams, blocking',
      `echo in | run sh -c 'cat; echo err >&2; grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1' 2>&1 | cat`,
    ],
    ['descriptors passed on', `run sh -c 'cat <&3; cat <&20; echo 5 >&5' 3</etc/passwd 20</etc/passwd 5>&1`],
    ['a pipe on a descriptor', `echo one | run sh -c 'cat <&7' 7<&0 </dev/null`],
    [
      'a here-document on a descriptor',
      `run sh -c 'cat <&4' 4<<end
text
end
`,
    ],
    ['no descriptors of its own', `run ls /proc/self/fd`],
    ['working directory, umask and nice', `cd /; umask 027; run sh -c 'pwd; umask; nice'`],
  ])('%s', (what, script) => {
    // The launcher of the tests runs from sources and finds them by the working directory.
    const here = what.startsWith('working') ? script.replace('cd /; ', '') : script;
    expect(outcome(here, 'launcher')).toBe(outcome(here, 'itself'));
  });

  test('its process id', async () => {
    const talker = talkTo(process.execPath, sourceArguments(LAUNCHER, 'sh', '-c', 'echo $$; read line'));
    expect(await talker.hear()).toBe(String(talker.pid));
    expect(readFileSync(`/proc/${talker.pid}/status`, 'latin1')).toMatch(/^Threads:\t1$/m);
    await talker.end();
  });
});

describe('what cannot be executed', () => {
  test.each([
    ['./none', 'E_RUN_NOT_FOUND\nstatus 127\n'],
    ['/', 'E_RUN_NOT_EXECUTABLE\nstatus 126\n'],
    ['/etc/passwd', 'E_RUN_NOT_EXECUTABLE\nstatus 126\n'],
  ])('%s', (name, answer) => expect(outcome(`run ${name}`, 'launcher')).toBe(answer));

  test('a text that names no interpreter is given to the shell', () =>
    expect(outcome(`run ${join(folder, 'c/bare')} x`, 'launcher')).toBe(`bare ${join(folder, 'c/bare')} x\nstatus 0\n`));

  test('a script whose interpreter is not there', () => {
    const script = join(folder, 'orphan');
    writeFileSync(script, '#!/none/interpreter\n', { mode: 0o755 });
    expect(outcome(`run ${script}`, 'launcher')).toBe('E_RUN_NOT_FOUND\nstatus 127\n');
  });

  (root ? test.skip : test)('a program of others', () => {
    const shut = join(folder, 'unreadable');
    writeFileSync(shut, '#!/bin/sh\n', { mode: 0o000 });
    expect(outcome(`run ${shut}`, 'launcher')).toBe('E_RUN_NOT_EXECUTABLE\nstatus 126\n');
  });
});
