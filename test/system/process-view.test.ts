import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from '../../src/domain/errors';
import { MandateError } from '../../src/domain/errors';
import { stackNotRandomised } from '../../src/domain/proc-text';
import { pidfdOpen } from '../../src/system/pidfd';
import type { PinnedProcess } from '../../src/system/process-view';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { quiet, sourceArguments, talkTo } from './peers';
import type { Talker } from './peers';

const root = process.geteuid!() === 0;
const asRoot = root ? test : test.skip;
if (!root) console.warn('skipped where it needs root: changing the user of a process, choosing the next pid');

const readiness = new Readiness(quiet);
const processes = new PinnedProcesses(readiness);
const talkers: Talker[] = [];
const pins: PinnedProcess[] = [];

afterEach(async () => {
  pins.splice(0).forEach((pinned) => pinned.release());
  await Promise.all(talkers.splice(0).map((talker) => talker.end()));
  expect(processes.size).toBe(0);
});
afterAll(() => readiness.close());

const talk = (program: string, ...args: string[]): Talker => {
  const talker = talkTo(program, args);
  talkers.push(talker);
  return talker;
};
/** A shell that says it runs, and does `then` for each line it hears. */
const shell = async (then: string): Promise<Talker> => {
  const talker = talk('sh', '-c', `echo up; while read line; do ${then}; done`);
  expect(await talker.hear()).toBe('up');
  return talker;
};
const pin = (pid: number, key?: string): PinnedProcess => {
  const pinned = processes.fromPid(pid, key);
  pins.push(pinned);
  return pinned;
};
const codeOf = (run: () => unknown): ErrorCode | 'ok' => {
  try {
    run();
    return 'ok';
  } catch (error) {
    return error instanceof MandateError ? error.code : 'E_INTERNAL';
  }
};

describe('a pinned process', () => {
  test('WE-09: is pinned once, by a key of its own, until its last holder lets go', async () => {
    const [a, b] = [await shell('echo'), await shell('echo')];
    const [first, again, other] = [pin(a.pid), pin(a.pid), pin(b.pid)];
    expect(again).toBe(first);
    expect(other.key).not.toBe(first.key);
    expect(first.key).toMatch(/^[0-9a-f-]{36}:\d+(:\d+:\d+)?$/);
    expect(processes.get(first.key)).toBe(first);
    pins.splice(pins.indexOf(first), 1);
    first.release();
    expect(processes.get(first.key)).toBe(first);
    expect(first.alive()).toBe(true);
  });

  test('is read by what the kernel says of it', async () => {
    const talker = await shell('echo');
    const pinned = pin(talker.pid);
    expect(pinned.uid).toBe(process.geteuid!());
    expect(pinned.gid).toBe(process.getegid!());
    expect(pinned.read('status')).toContain(`Pid:\t${talker.pid}\n`);
    expect(pinned.startTicks).toMatch(/^\d+$/);
    const exe = pinned.openExe();
    expect(exe.inode).toBe(pinned.exeInode);
    expect(exe.sizeBytes).toBe(readFileSync(`/proc/${talker.pid}/exe`).length);
    exe.close();
    expect(pinned.sameMounts()).toBe(true);
    expect(codeOf(() => pinned.read('no-such-file'))).toBe('E_ATTEST_UNREADABLE');
    expect(codeOf(() => pinned.recheck())).toBe('ok');
  });

  test('its end is noticed, and nothing can be read of it any more', async () => {
    const talker = await shell('echo');
    const pinned = pin(talker.pid);
    const ended = new Promise<void>((resolve) => void pinned.onExit(resolve));
    await talker.end();
    await ended;
    expect(pinned.alive()).toBe(false);
    expect(processes.get(pinned.key)).toBeUndefined();
    for (const run of [
      () => pinned.read('stat'),
      () => pinned.link('exe'),
      () => pinned.openExe(),
      () => pinned.recheck(),
      () => pinned.executed(),
      () => pinned.settle(),
      () => pinned.credentials(),
      () => pin(talker.pid, pinned.key),
    ]) {
      expect(codeOf(run)).toBe('E_PEER_GONE');
    }
    let late = false;
    pinned.onExit(() => (late = true));
    expect(late).toBe(true);
  });

  test.each([0, -1, 2 ** 31, 1.5, NaN])('there is no process %p', (pid) => expect(codeOf(() => pin(pid))).toBe('E_PEER_GONE'));

  test('a peer that our pid namespace does not show is refused', () =>
    expect(codeOf(() => processes.fromPeer(pidfdOpen(process.pid), 0, 0, 0))).toBe('E_PEER_NAMESPACE'));

  test('WE-09: a peer that no longer has the user it connected with is refused', () => {
    const [uid, gid] = [process.geteuid!(), process.getegid!()];
    expect(codeOf(() => processes.fromPeer(pidfdOpen(process.pid), process.pid, uid + 1, gid))).toBe('E_PEER_CREDENTIALS');
    expect(codeOf(() => processes.fromPeer(undefined, process.pid, uid, gid + 1))).toBe('E_PEER_CREDENTIALS');
  });

  asRoot('the next process with its pid is another one', async () => {
    const first = await shell('echo');
    const pinned = pin(first.pid);
    await first.end();
    let next: Talker | undefined;
    for (let attempt = 0; attempt < 200 && next?.pid !== first.pid; attempt++) {
      await next?.end();
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(first.pid - 1));
      next = talkTo('sh', ['-c', 'echo up; read line']);
    }
    talkers.push(next!);
    expect(next!.pid).toBe(first.pid);
    expect(await next!.hear()).toBe('up');
    expect(readFileSync(`/proc/${first.pid}/comm`, 'latin1')).toBe('sh\n');
    expect(codeOf(() => pinned.read('comm'))).toBe('E_PEER_GONE');
    expect(codeOf(() => pin(first.pid, pinned.key))).toBe('E_PEER_GONE');
    expect(pin(first.pid).key).not.toBe(pinned.key);
  });
});

describe('an exec', () => {
  test('of another program is seen, until it is settled', async () => {
    const talker = await shell(`exec "${process.execPath}" -e 'console.log("other"); process.stdin.resume()'`);
    const pinned = pin(talker.pid);
    const { exeInode } = pinned;
    expect(pinned.executed()).toBe(false);
    talker.say('go');
    expect(await talker.hear()).toBe('other');
    expect(pinned.executed()).toBe(true);
    expect(codeOf(() => pinned.recheck())).toBe('E_PEER_EXEC');
    pinned.settle();
    expect(pinned.executed()).toBe(false);
    expect(codeOf(() => pinned.recheck())).toBe('ok');
    expect(pinned.exeInode).not.toBe(exeInode);
    expect(pin(talker.pid)).toBe(pinned);
  });

  test('of the same program is seen', async () => {
    const talker = await shell(`exec sh -c 'echo again; while read line; do echo; done'`);
    const pinned = pin(talker.pid);
    const { exeInode } = pinned;
    talker.say('go');
    expect(await talker.hear()).toBe('again');
    expect(codeOf(() => pinned.recheck())).toBe('E_PEER_EXEC');
    pinned.settle();
    expect(pinned.exeInode).toBe(exeInode);
  });

  test('nothing else a process does looks like one', async () => {
    const talker = talk(
      process.execPath,
      '-e',
      `console.log('up'); require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
         process.title = 'x'.repeat(4096); process.chdir('/'); process.umask(0); Buffer.alloc(1 << 28).fill(1);
         require('node:child_process').execFileSync('true'); new (require('node:worker_threads').Worker)('', { eval: true });
         console.log('done'); })`,
    );
    await talker.hear();
    const pinned = pin(talker.pid);
    talker.say('go');
    expect(await talker.hear()).toBe('done');
    expect(codeOf(() => pinned.recheck())).toBe('ok');
  });
});

/** Children that need a system call node has no word for make it through libc. */
const libc = `const libc = require('koffi').load(null);`;

test('a process without address randomisation is refused', async () => {
  const talker = talk(
    process.execPath,
    '-e',
    `${libc} libc.func('int personality(ulong)')(0x40000);
     libc.func('int fcntl(int, int, int)')(0, 2, 0); libc.func('int fcntl(int, int, int)')(1, 2, 0);
     libc.func('int execve(const char *, const char **, const char **)')('/bin/sh', ['sh', '-c', 'echo up; read line', null], [null])`,
  );
  expect(await talker.hear()).toBe('up');
  const pinned = pin(talker.pid);
  expect(codeOf(() => pinned.recheck())).toBe('E_PEER_LAYOUT');
  expect(codeOf(() => pinned.settle())).toBe('E_PEER_LAYOUT');
  const maps = readFileSync(`/proc/${talker.pid}/maps`, 'latin1');
  expect(stackNotRandomised(maps)).toBe(true);
});

test('a traced process is refused while it is traced', async () => {
  const talker = await shell('echo');
  const pinned = pin(talker.pid);
  const tracer = talk(
    process.execPath,
    '-e',
    `${libc} const ptrace = libc.func('long ptrace(long, int, long, long)');
     console.log(ptrace(0x4206, ${talker.pid}, 0, 0)); process.stdin.resume()`,
  );
  expect(await tracer.hear()).toBe('0');
  expect(codeOf(() => pinned.recheck())).toBe('E_PEER_TRACED');
  await tracer.end();
  talker.say('still there?');
  await talker.hear();
  expect(codeOf(() => pinned.recheck())).toBe('ok');
});

test('a process that shuts itself is unreadable, never unchanged', async () => {
  const talker = talk(
    process.execPath,
    ...sourceArguments(`system('this-process').setDumpable(false); console.log('up'); process.stdin.resume()`),
  );
  await talker.hear();
  const pinned = pin(talker.pid);
  // Root reads it all the same.
  expect(codeOf(() => pinned.recheck())).toBe(root ? 'ok' : 'E_ATTEST_UNREADABLE');
});

asRoot('another user than the one that was attested is refused', async () => {
  const talker = talk(
    process.execPath,
    '-e',
    `console.log('up'); require('node:readline').createInterface({ input: process.stdin }).on('line', (id) => {
       process.setegid(+id); process.seteuid(+id); console.log('done'); })`,
  );
  await talker.hear();
  const pinned = pin(talker.pid);
  talker.say('12345');
  await talker.hear();
  expect(codeOf(() => pinned.recheck())).toBe('E_PEER_CREDENTIALS');
  expect(codeOf(() => processes.fromPeer(pidfdOpen(talker.pid), talker.pid, 0, 0))).toBe('E_PEER_CREDENTIALS');
  pinned.settle();
  expect([pinned.uid, pinned.gid]).toEqual([12345, 12345]);
  expect(codeOf(() => pinned.recheck())).toBe('ok');
});

describe('ancestors', () => {
  test('are named nearest first, up to init', async () => {
    const talker = talk('sh', '-c', `sh -c 'echo $$; read line; echo'; echo`);
    const pid = Number(await talker.hear());
    const { chain, end } = pin(pid).ancestors();
    expect(chain.slice(0, 2).map((ancestor) => ancestor.pid)).toEqual([talker.pid, process.pid]);
    expect(chain[1]).toMatchObject({ uid: process.geteuid!(), exe: process.execPath, sameMounts: true });
    expect(chain[1]!.key).toBe(pin(process.pid).key);
    expect(end === 'init' ? chain.at(-1)!.pid : end).toBe(end === 'init' ? 1 : 'outside');
  });

  test('a process whose parent has gone is told by where it was handed to', async () => {
    const talker = talk('sh', '-c', 'sleep 1000 </dev/null >/dev/null & echo $!; read line');
    const pid = Number(await talker.hear());
    const pinned = pin(pid);
    expect(pinned.ancestors().chain[0]!.pid).toBe(talker.pid);
    talker.child.kill('SIGKILL');
    await once(talker.child, 'exit');
    expect(pinned.ancestors().chain[0]?.pid).not.toBe(talker.pid);
    process.kill(pid, 'SIGKILL');
  });

  test('one that is known already is read again: it may run another program by now', async () => {
    const talker = talk('bash', '-c', `sleep 1000 </dev/null >/dev/null & echo $!; read line; exec sh -c 'echo gone on; read line'`);
    const pid = Number(await talker.hear());
    const pinned = pin(pid);
    const [before] = pinned.ancestors().chain;
    expect(before).toMatchObject({ pid: talker.pid, exe: expect.stringMatching(/bash$/) as string });
    talker.say('');
    expect(await talker.hear()).toBe('gone on');
    const [after] = pinned.ancestors().chain;
    expect(after).toMatchObject({ pid: talker.pid, key: before!.key, exe: expect.not.stringMatching(/bash$/) as string });
    process.kill(pid, 'SIGKILL');
  });

  test('more than are kept are told apart all the same', async () => {
    const talkers = Array.from({ length: 150 }, () => talk('sh', '-c', `sh -c 'echo $$; read line; echo'; echo`));
    const pinned = await Promise.all(talkers.map(async (talker) => pin(Number(await talker.hear()))));
    const twice = [0, 1].map(() => pinned.map((one) => one.ancestors().chain[0]!));
    expect(twice[0]!.map(({ pid }) => pid)).toEqual(talkers.map(({ pid }) => pid));
    expect(twice[1]).toEqual(twice[0]);
  });

  test('at most 64 of them are named', async () => {
    const nest = 'if [ $1 -eq 0 ]; then echo $$; read line; else sh -c "$0" "$0" $(($1 - 1)); echo; fi';
    const talker = talk('sh', '-c', 'sh -c "$0" "$0" 70; echo', nest);
    const pid = Number(await talker.hear());
    const { chain, end } = pin(pid).ancestors();
    expect([chain.length, end]).toEqual([64, 'depth']);
    expect(new Set(chain.map(({ key }) => key)).size).toBe(64);
    process.kill(pid, 'SIGKILL');
  });
});

test('a program that was deleted or replaced is still the one that runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deleted-'));
  const program = join(folder, 'pro)gram\n');
  copyFileSync(execFileSync('sh', ['-c', 'readlink -f "$(command -v sleep)"']).toString().trim(), program);
  const child = spawn(program, ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const pinned = pin(child.pid!);
  // Spawned is exec'd: node learns of it by the close-on-exec pipe.
  pinned.settle();
  const { exeInode } = pinned;
  rmSync(program);
  expect(pinned.link('exe')).toBe(`${program} (deleted)`);
  expect(codeOf(() => pinned.recheck())).toBe('ok');
  writeFileSync(program, 'another');
  const exe = pinned.openExe();
  expect(exe.inode).toBe(exeInode);
  exe.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  rmSync(folder, { recursive: true });
});

test('two hundred processes end and are all noticed', async () => {
  const children = Array.from({ length: 200 }, () => spawn('sleep', ['1000'], { stdio: 'ignore' }));
  await Promise.all(children.map((child) => once(child, 'spawn')));
  const ends = children.map((child) => {
    const pinned = pin(child.pid!);
    return new Promise<void>((resolve) => void pinned.onExit(resolve));
  });
  children.forEach((child) => child.kill('SIGKILL'));
  await Promise.all(ends);
}, 30_000);
