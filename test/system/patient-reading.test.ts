import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptAttestor } from '../../attestors/script';
import type { ProcessView } from '../../src/domain/attestation';
import type { Clock } from '../../src/domain/ports';
import { RunningScripts } from '../../src/domain/running-script';
import { systemClock } from '../../src/system/clock';
import { PatientReading } from '../../src/system/patient-reading';
import { PinnedProcesses } from '../../src/system/processes';
import type { PinnedProcess } from '../../src/system/process-view';
import { Readiness } from '../../src/system/readiness';
import { lines, sha256 } from '../attest/recorded';
import { quiet, talkTo, type Talker } from './peers';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'reading-')));
chmodSync(folder, 0o755);
const path = (name: string): string => join(folder, name);
const readiness = new Readiness(quiet);
const processes = new PinnedProcesses(readiness);
const NOTHING = { names: new Set<string>(), places: new Set<string>() };
const reader = new PatientReading(systemClock, { names: new Set(['LD_PRELOAD', 'PATH']), places: new Set(['HOME']) });
/** Threads and timers of the product keep nothing alive, this process of tests included. */
const alive = setInterval(() => undefined, 60_000);

afterAll(async () => {
  clearInterval(alive);
  await reader.close();
  await readiness.close();
  rmSync(folder, { recursive: true });
});

/** A process that said something has read its script; `then` is done with it pinned. */
async function running<T>(
  program: string,
  args: readonly string[],
  then: (pinned: PinnedProcess, talker: Talker) => Promise<T>,
): Promise<T> {
  const talker = talkTo(program, args);
  try {
    await talker.hear();
    const pinned = processes.fromPid(talker.pid);
    try {
      return await then(pinned, talker);
    } finally {
      pinned.release();
    }
  } finally {
    await talker.end();
  }
}

const script = (program: string, args: readonly string[]): Promise<string[]> =>
  running(program, args, async (pinned) =>
    lines(await scriptAttestor(new RunningScripts(reader)).attest(pinned, { launch: undefined })).map((line) =>
      line.replace(' (declared)', ''),
    ),
  );

const JS = 'process.stdin.resume(); console.log("up");\n';
const SH = 'echo up; read line\n';
const PY = 'import sys\nprint("up", flush=True)\nsys.stdin.read()\n';
const python = ['/usr/bin/python3', '/usr/local/bin/python3'].find((one) => spawnSync(one, ['-c', '']).status === 0);

describe('scripts of processes that run', () => {
  beforeAll(() => {
    mkdirSync(path('lib/agent/bin'), { recursive: true });
    mkdirSync(path('bin'));
    mkdirSync(path('module'));
    writeFileSync(path('x.js'), JS);
    writeFileSync(path('pre.js'), '');
    writeFileSync(path('titled.js'), `process.title = 'claude'; ${JS}`);
    writeFileSync(path('lib/agent/bin/cli.js'), `#!/usr/bin/env node\n${JS}`);
    chmodSync(path('lib/agent/bin/cli.js'), 0o755);
    writeFileSync(path('lib/agent/package.json'), '{"name":"@acme/agent","version":"1.2.3"}');
    symlinkSync('../lib/agent/bin/cli.js', path('bin/agent'));
    writeFileSync(path('x.sh'), `#!/bin/sh\n${SH}`);
    chmodSync(path('x.sh'), 0o755);
    writeFileSync(path('x.py'), PY);
  });

  const cli = `#!/usr/bin/env node\n${JS}`;
  test.each<[string, () => [string, string[]], string[]]>([
    [
      'node, a file',
      () => [process.execPath, [path('x.js'), '--flag']],
      ['interpreter=node', 'mode=file', `path=${path('x.js')}`, `sha256=${sha256(JS)}`],
    ],
    [
      'node with preloads',
      () => [process.execPath, ['-r', path('pre.js'), `--import=${path('pre.js')}`, path('x.js')]],
      [
        'interpreter=node',
        'mode=file',
        `path=${path('x.js')}`,
        `sha256=${sha256(JS)}`,
        `preload=${path('pre.js')}`,
        `preload=${path('pre.js')}`,
      ],
    ],
    [
      'a link in a bin folder, by `#!/usr/bin/env node`',
      () => [path('bin/agent'), []],
      ['interpreter=node', 'mode=file', `path=${path('lib/agent/bin/cli.js')}`, `sha256=${sha256(cli)}`, 'package=npm:@acme/agent@1.2.3'],
    ],
    ['node -e', () => [process.execPath, ['-e', JS]], ['interpreter=node', 'mode=inline']],
    ['node with a title', () => [process.execPath, [path('titled.js'), 'some', 'arguments']], []],
    [
      'a shell script by its #!',
      () => [path('x.sh'), []],
      ['interpreter=sh', 'mode=file', `path=${path('x.sh')}`, `sha256=${sha256(`#!/bin/sh\n${SH}`)}`],
    ],
    ['sh -c', () => ['sh', ['-c', SH]], ['interpreter=sh', 'mode=inline']],
  ])('%s', async (_, start, expected) => expect(await script(...start())).toEqual(expected));

  test('a program that is no interpreter has none', async () => {
    const talker = talkTo('sed', ['-u', 'p']);
    talker.say('up');
    await talker.hear();
    const pinned = processes.fromPid(talker.pid);
    expect(await new RunningScripts(reader).of(pinned)).toBeUndefined();
    pinned.release();
    await talker.end();
  });

  (python === undefined ? test.skip : test)('python: a file, a module, an argument', async () => {
    expect(await script(python!, ['-u', path('x.py')])).toEqual([
      'interpreter=python',
      'mode=file',
      `path=${path('x.py')}`,
      `sha256=${sha256(PY)}`,
    ]);
    expect((await script(python!, ['-c', PY])).slice(0, 2)).toEqual(['interpreter=python', 'mode=inline']);
    const server = await running(python!, ['-u', '-m', 'http.server', '--bind', '127.0.0.1', '0'], (pinned) =>
      new RunningScripts(reader).of(pinned),
    );
    expect(server?.claim).toEqual({ mode: 'module', named: 'http.server', preloads: [] });
  });

  test('what was said first is kept, until another program is executed', () =>
    running('sh', ['-c', `${SH} exec "${process.execPath}" ${path('x.js')}`], async (pinned, talker) => {
      const scripts = new RunningScripts(reader);
      expect((await scripts.of(pinned))?.claim.mode).toBe('inline');
      talker.say('go on');
      await talker.hear();
      expect(pinned.executed()).toBe(true);
      pinned.settle();
      expect(await scripts.of(pinned)).toMatchObject({ interpreter: 'node', file: { path: path('x.js') } });
    }));
});

describe('what is asked in one turn', () => {
  /** The process, and how often a thread was given its folder: once for each job. */
  const counted = (pinned: PinnedProcess): { readonly view: ProcessView; jobs: number } => {
    const { image, uid, gid } = pinned;
    const seen = {
      jobs: 0,
      view: {
        image,
        uid,
        gid,
        alive: () => pinned.alive(),
        link: (name: string) => pinned.link(name),
        openFolder: () => {
          seen.jobs += 1;
          return pinned.openFolder();
        },
      } as unknown as ProcessView,
    };
    return seen;
  };

  test('is one job, what follows from the arguments included', () =>
    running(path('bin/agent'), [], async (pinned) => {
      const seen = counted(pinned);
      const asked = [reader.ownWords(seen.view), reader.code(seen.view), reader.script(seen.view)] as const;
      reader.send();
      expect(seen.jobs).toBe(1);
      const [words, , script] = await Promise.all(asked);
      expect(script).toMatchObject({ file: { path: path('lib/agent/bin/cli.js') }, package: 'npm:@acme/agent@1.2.3' });
      expect(words.args).toContain(path('bin/agent'));
      // What the thread was given is not asked for again.
      await reader.ownWords(seen.view);
      expect(seen.jobs).toBe(1);
    }));

  describe('of an agent', () => {
    const asked = { home: undefined, launched: true };
    let nowMs = 0;
    const patient = new PatientReading({ ...systemClock, monotonicMs: () => nowMs }, NOTHING);
    afterAll(() => patient.close());

    /** An agent that was asked for ahead when it connected; `then` writes its instructions anew, and asks. */
    const ahead = (then: (ask: (launched?: boolean) => Promise<string | undefined>, jobs: () => number) => Promise<void>) =>
      running(process.execPath, ['-e', `process.chdir(${JSON.stringify(path('module'))}); ${JS}`], async (pinned) => {
        writeFileSync(path('module/AGENTS.md'), 'first');
        const seen = counted(pinned);
        patient.agentAhead(seen.view, asked);
        patient.send();
        await patient.ownWords(seen.view);
        writeFileSync(path('module/AGENTS.md'), 'second');
        await then(
          async (launched = true) => (await patient.agent(seen.view, { ...asked, launched }, undefined))?.files[0]?.sha256,
          () => seen.jobs,
        );
      });

    test('what governs it is read in the same job, and counts once', () =>
      ahead(async (ask, jobs) => {
        expect([await ask(), jobs()]).toEqual([sha256('first'), 1]);
        expect([await ask(), jobs()]).toEqual([sha256('second'), 2]);
      }));

    test('and no longer than a second', () =>
      ahead(async (ask) => {
        nowMs += 1_001;
        expect(await ask()).toBe(sha256('second'));
      }));

    test('nor for what turned out to be no agent', () => ahead(async (ask) => expect(await ask(false)).toBeUndefined()));
  });

  test('without being sent goes when the turn ends', () =>
    running('sh', ['-c', SH], async (pinned) => {
      const seen = counted(pinned);
      expect(await reader.script(seen.view)).toMatchObject({ interpreter: 'sh', claim: { mode: 'inline' } });
      expect(seen.jobs).toBe(1);
    }));

  test('later goes by the arguments that were read first', async () => {
    writeFileSync(
      path('renamed.js'),
      "process.stdin.on('data', () => ((process.title = 'another'), console.log('renamed'))); console.log('up');\n",
    );
    await running(process.execPath, [path('renamed.js')], async (pinned, talker) => {
      await reader.ownWords(pinned);
      talker.say('');
      await talker.hear();
      expect(readFileSync(`/proc/${pinned.pid}/cmdline`, 'latin1')).not.toContain('renamed.js');
      expect(await reader.script(pinned)).toMatchObject({ claim: { named: path('renamed.js') }, file: { path: path('renamed.js') } });
    });
  });
});

describe('mapped code', () => {
  const library = readdirSync('/lib/x86_64-linux-gnu').find((name) => /^libm\.so\.6$/.test(name));

  test('of an ordinary program is its own and the system’s', () =>
    running('sh', ['-c', SH], async (pinned) => {
      const { foreign, complete } = await reader.code(pinned);
      expect([foreign, complete]).toEqual([[], true]);
    }));

  (library === undefined ? test.skip : test)('that was preloaded from elsewhere is foreign, also when its file is gone', async () => {
    const evil = path('evil.so');
    copyFileSync(realpathSync(`/lib/x86_64-linux-gnu/${library}`), evil);
    await running('env', [`LD_PRELOAD=${evil}`, 'sh', '-c', SH], async (pinned) => {
      const words = await reader.ownWords(pinned);
      expect(words.variables.has('LD_PRELOAD')).toBe(true);
      expect([...words.places.values()].join()).not.toContain(evil);
      // Root's own file that nobody else may write to counts as installed, wherever it lies.
      if (process.geteuid!() !== 0) expect((await reader.code(pinned)).foreign).toEqual([evil]);
      rmSync(evil);
      expect((await new PatientReading(systemClock, NOTHING).code(pinned)).foreign).toEqual([`${evil} (deleted)`]);
    });
  });

  test('a program in a folder of its user can be exchanged', async () => {
    const own = path('own-sh');
    copyFileSync('/bin/sh', own);
    chmodSync(own, 0o755);
    await running(own, ['-c', SH], async (pinned) => expect((await reader.code(pinned)).replaceable).toBe(true));
  });
});

describe('whoever lets a read hang', () => {
  /** A process folder whose `cmdline` is a FIFO: opening it waits until somebody writes, and then it cannot be read like a file. */
  function hanging(uid: number) {
    const name = mkdtempSync(path('hang-'));
    const pipe = join(name, 'cmdline');
    spawnSync('mkfifo', [pipe]);
    writeFileSync(join(name, 'status'), 'Groups:\t\n');
    const seen = { closed: false };
    const view = {
      image: {},
      uid,
      gid: uid,
      alive: () => true,
      openFolder: () => {
        const fd = openSync(name, 'r');
        return { fd, close: () => ((seen.closed = true), closeSync(fd)) };
      },
    } as unknown as ProcessView;
    /** True where a thread waits at the other end. */
    const release = (): boolean => {
      try {
        closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
        return true;
      } catch {
        return false;
      }
    };
    return { view, seen, release };
  }

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  const hung = { code: 'E_ATTEST_UNREADABLE', explanation: { saw: 'a read that does not come back' } };
  const cameBack = { code: 'E_ATTEST_UNREADABLE', explanation: { saw: 'ESPIPE while reading what the process serves' } };

  /** Time goes on when the test says so. */
  function heldClock(): Clock & { pass: () => void } {
    const due = new Set<() => void>();
    return {
      nowMs: () => 0,
      monotonicMs: () => 0,
      after: (_delayMs, run) => {
        due.add(run);
        return () => due.delete(run);
      },
      pass: () => {
        for (const run of [...due]) run();
      },
    };
  }

  test('waits no longer than patience, keeps only itself waiting, and is heard again when it lets go', async () => {
    const clock = heldClock();
    const patient = new PatientReading(clock, NOTHING);
    const [first, second] = [hanging(1), hanging(1)];
    const asked = [first, second].map(({ view }) => patient.ownWords(view).catch((error: unknown) => error));
    // Another user's process is read meanwhile, on another thread.
    await running('sh', ['-c', SH], async (pinned) => expect((await patient.ownWords(pinned)).args[0]).toBe('sh'));
    clock.pass();
    for (const one of asked) expect(await one).toMatchObject(hung);
    await expect(patient.ownWords(second.view)).rejects.toMatchObject(hung);
    // Its folder stays open for the thread that still uses it; that of the one behind it does not.
    expect([first.seen.closed, second.seen.closed]).toEqual([false, true]);
    await until(first.release);
    await until(() => first.seen.closed);
    const again = patient.ownWords(second.view);
    await until(second.release);
    await expect(again).rejects.toMatchObject(cameBack);
    await patient.close();
  });

  test('takes one thread of eight; a ninth user gets one when somebody lets go', async () => {
    const patient = new PatientReading(heldClock(), NOTHING);
    const stuck = Array.from({ length: 9 }, (_, uid) => hanging(uid + 1));
    const asked = stuck.map(({ view }) => patient.ownWords(view).catch((error: unknown) => error));
    for (const { release } of stuck) await until(release);
    for (const one of asked) expect(await one).toMatchObject(cameBack);
    await patient.close();
  });
});

test('what is asked of one program in one turn is read through one folder, and one fault leaves the rest alone', async () => {
  await running('sh', ['-c', SH], async (pinned) => {
    let opened = 0;
    const view = new Proxy(pinned, {
      get: (target, name) => {
        if (name === 'openFolder') opened += 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const [words, code, nothing] = await Promise.all([reader.ownWords(view), reader.code(view), reader.file(view, [path('absent')])]);
    expect([words.args[0], code.foreign, nothing, opened]).toEqual(['sh', [], undefined, 1]);
  });
});

test('arguments are bounded, and keep no variable from being found', async () => {
  const args = Array.from({ length: 3000 }, (_, i) => `argument-number-${i}-${'x'.repeat(20)}`);
  await running('sh', ['-c', SH, ...args], async (pinned) => {
    const { args: seen, variables } = await reader.ownWords(pinned);
    expect(Buffer.byteLength(seen.join('\0'))).toBeLessThanOrEqual(64 * 1024);
    expect(seen.slice(3)).toEqual(args.slice(0, seen.length - 3));
    expect(variables.has('PATH')).toBe(true);
  });
});

test('collected answers need no turn of the event loop', () =>
  running(process.execPath, ['-e', JS], async (pinned) => {
    let turned = false;
    setImmediate(() => (turned = true));
    let heard = false;
    const words = reader.ownWords(pinned);
    void words.then(() => (heard = true));
    // Promises alone are run between these looks, so nothing else can have brought the answer.
    for (let looks = 0; !heard && looks < 5_000_000; looks++) {
      await Promise.resolve();
      reader.collect();
    }
    expect([heard, turned]).toEqual([true, false]);
    expect((await words).args).toContain('-e');
  }));
