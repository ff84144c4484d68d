import { spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { finished, Installation, MANDATE } from '../running/installation';
import { describeTerminal, onTerminal } from './terminal';

jest.setTimeout(120_000);

let mandate: Installation;
beforeAll(async () => {
  mandate = await Installation.start();
});
afterAll(() => mandate.end());

const run = (...command: string[]) => mandate.mandate(['run', '--', ...command]);
/** The same command, started by nobody but us. */
const direct = (...command: string[]) => mandate.run(command[0]!, command.slice(1));

describe('the end of a command', () => {
  it.each([
    ['0', ['true'], 0, null],
    ['its own status', ['sh', '-c', 'exit 3'], 3, null],
    ['a status of env(1) that is its own', ['sh', '-c', 'exit 126'], 126, null],
    ['SIGTERM', ['sh', '-c', 'kill -TERM $$'], null, 'SIGTERM'],
    ['SIGKILL', ['sh', '-c', 'kill -KILL $$'], null, 'SIGKILL'],
    ['a segmentation fault', ['sh', '-c', 'ulimit -c 0; kill -SEGV $$'], null, 'SIGSEGV'],
    ['a missing file', ['./no/such/file'], 127, null],
    ['a folder', ['/tmp'], 126, null],
  ] as const)('%s is what a parent waits for', async (_, command, code, signal) => {
    expect(await run(...command)).toMatchObject({ code, signal, stdout: '' });
  });

  it('a missing command is what env(1) makes of it', async () => {
    // 126 where PATH has a folder that may not be entered: the command could be in there (execvp(3)).
    const { code } = await mandate.run('env', ['no-such-command']);
    expect(await run('no-such-command')).toMatchObject({ code, signal: null, stdout: '' });
    expect(
      await mandate.mandate(['run', '--', 'no-such-command'], { env: { PATH: `${path.dirname(process.execPath)}:/usr/bin` } }),
    ).toMatchObject({ code: 127 });
  });

  it('a file that may not be executed is 126, one without a known interpreter line goes to the shell as execvp(3) does', async () => {
    const file = path.join(mandate.home, 'script');
    writeFileSync(file, 'exit 5\n', { mode: 0o644 });
    expect(await run(file)).toMatchObject({ code: 126 });
    chmodSync(file, 0o755);
    expect(await run(file)).toMatchObject({ code: 5 });
    const empty = path.join(mandate.home, 'empty');
    writeFileSync(empty, '', { mode: 0o755 });
    expect((await run(empty)).code).toBe((await direct('/usr/bin/env', empty)).code);
  });

  it('a failure of our own is 125, and nothing is started', async () => {
    const marker = path.join(mandate.home, 'started');
    const failed = await mandate.mandate(['run', '--', 'touch', marker], {
      env: { MANDATE_STATE: path.join(mandate.home, 'x'), SPIFFE_ENDPOINT_SOCKET: `unix://${mandate.home}/none.sock` },
    });
    expect(failed).toMatchObject({ code: 125, stdout: '' });
    expect(failed.stderr).toContain('E_NOT_RUNNING');
    expect((await mandate.mandate(['run', '--name', 'not a name', '--', 'touch', marker])).code).toBe(125);
    expect(() => readFileSync(marker)).toThrow();
  });
});

describe('what a command inherits', () => {
  it('its process: same pid, same parent, nobody between', async () => {
    const child = mandate.spawn(MANDATE, ['run', '--', 'sh', '-c', 'echo $$ $PPID']);
    expect((await finished(child)).stdout).toBe(`${child.pid} ${process.pid}\n`);
  });

  it('its input and output', async () => {
    const echoed = await mandate.mandate(['run', '--', 'sh', '-c', 'cat; echo err >&2'], { input: 'through' });
    expect(echoed).toEqual({ code: 0, signal: null, stdout: 'through', stderr: 'err\n' });
  });

  it('dispositions and masks of signals, as a direct child has them', async () => {
    const signals = (status: string) => status.split('\n').filter((line) => /^Sig(Ign|Blk|Cgt)/.test(line));
    const launched = signals((await run('cat', '/proc/self/status')).stdout);
    expect(launched).toEqual(signals((await direct('cat', '/proc/self/status')).stdout));
    expect(launched).toHaveLength(3);
  });

  it('signals that were ignored before', async () => {
    const script = (command: string) => `trap '' HUP USR2; ${command} grep SigIgn /proc/self/status`;
    const launched = await mandate.run('/bin/sh', ['-c', script('"$0" run --'), MANDATE]);
    expect(launched).toEqual(await mandate.run('/bin/sh', ['-c', script('')]));
    expect(launched.stdout).toMatch(/^SigIgn:\t0*[0-9a-f]*801\n$/);
  });

  it('the quiet end of a pipe whose reader went away', async () => {
    const { stdout, stderr } = await mandate.run('/bin/bash', ['-c', '"$0" run -- yes | head -n 1; echo "${PIPESTATUS[0]}"', MANDATE]);
    expect({ stdout, stderr }).toEqual({ stdout: 'y\n141\n', stderr: '' });
  });

  it('the limit of open files', async () => {
    const script = 'ulimit -Sn 1234; "$0" run -- sh -c "ulimit -Sn"; exec "$0" run -- sh -c "ulimit -Sn"';
    expect((await mandate.run('/bin/sh', ['-c', script, MANDATE])).stdout).toBe('1234\n1234\n');
  });

  it('descriptors that were passed on', async () => {
    const file = path.join(mandate.home, 'three');
    writeFileSync(file, 'from three');
    const fd = openSync(file, 'r');
    const child = mandate.spawn(MANDATE, ['run', '--', 'sh', '-c', 'cat <&3; ls /proc/self/fd | wc -l'], {
      stdio: ['pipe', 'pipe', 'pipe', fd],
    });
    const through = await finished(child);
    const plain = mandate.spawn('/bin/sh', ['-c', 'cat <&3; ls /proc/self/fd | wc -l'], {
      stdio: ['pipe', 'pipe', 'pipe', openSync(file, 'r')],
    });
    expect(through).toEqual(await finished(plain));
    closeSync(fd);
  });

  it('its environment, with the address of the Workload API and without anything of ours', async () => {
    const env = { PWD: mandate.home, NODE_OPTIONS: '--title=kept', LD_BIND_NOW: '1', PLAIN: 'a b\nc' };
    const sorted = ({ stdout }: { stdout: string }) => stdout.split('\0').sort();
    const launched = sorted(await mandate.mandate(['run', '--', 'env', '-0'], { env: { ...env, SPIFFE_ENDPOINT_SOCKET: '' } }));
    const plain = sorted(await mandate.run('/usr/bin/env', ['-0'], { env: { ...env, SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi } }));
    expect(launched).toEqual(plain);
  });

  it('its arguments, byte by byte', async () => {
    const script = `"$0" run -- printf '%s|' "$(printf 'a\\377b')" '' "$(printf 'x\\ny')" | od -An -c`;
    const { stdout } = await mandate.run('/bin/sh', ['-c', script, MANDATE]);
    expect(stdout.trim().split(/\s+/)).toEqual(['a', '377', 'b', '|', '|', 'x', '\\n', 'y', '|']);
  });
});

describeTerminal('at a terminal', () => {
  const atTerminal = (line: string) =>
    mandate.run(...onTerminal(line), {
      env: { MANDATE_PROGRAM: MANDATE, SHELL: '/bin/sh', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });

  it('the command has the terminal', async () => {
    const { stdout, code } = await atTerminal('"$MANDATE_PROGRAM" run -- sh -c "test -t 0 && test -t 1 && tty; exit 7"');
    expect(stdout).toMatch(/▸ agent .*\/dev\/pts\/\d+/s);
    expect(code).toBe(7);
  });

  it('^C and ^Z reach it, and the shell can take it up again', async () => {
    const job = path.join(mandate.home, 'job.js');
    // It says when it goes on: only then it has the terminal again, and a ^C is its own.
    writeFileSync(job, "process.on('SIGCONT', () => console.log('awake')); console.log('ready'); setInterval(() => {}, 1e6);");
    const shell = spawn(...onTerminal('bash --norc -i'), {
      env: { ...mandate.env, MANDATE_PROGRAM: MANDATE, NODE: process.execPath, JOB: job, PS1: 'PROMPT> ', SHELL: '/bin/sh', TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    let seen = '';
    let wake: () => void = () => undefined;
    shell.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      wake();
    });
    const until = async (pattern: RegExp) => {
      let late = false;
      const timer = setTimeout(() => ((late = true), wake()), 60_000);
      while (!pattern.test(seen)) {
        if (late) throw new Error(`no ${pattern} in ${JSON.stringify(seen)}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      clearTimeout(timer);
      seen = '';
    };
    try {
      await until(/PROMPT> /);
      shell.stdin.write('"$MANDATE_PROGRAM" run -- "$NODE" "$JOB"\n');
      await until(/^ready/m);
      shell.stdin.write('\x1a');
      await until(/Stopped/);
      shell.stdin.write('echo "status $?"; fg\n');
      await until(/status 148[^]*^awake/m);
      shell.stdin.write('\x03');
      await until(/PROMPT> /);
      shell.stdin.write('echo "status $?"\n');
      await until(/status 130/);
    } finally {
      const ended = new Promise((resolve) => shell.once('exit', resolve));
      process.kill(-shell.pid!, 'SIGKILL');
      await ended;
    }
  });
});
