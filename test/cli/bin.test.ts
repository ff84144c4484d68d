import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from './command-line';

/** A tree as `make setup` leaves it, with a main.js that tells what it was started with. */
let tree: string;
const NODE = path.dirname(process.execPath);

beforeAll(() => {
  tree = realpathSync(mkdtempSync(path.join(tmpdir(), 'mandate bin ')));
  mkdirSync(path.join(tree, 'bin'));
  mkdirSync(path.join(tree, 'dist/src'), { recursive: true });
  copyFileSync(path.join(ROOT, 'bin/mandate'), path.join(tree, 'bin/mandate'));
  chmodSync(path.join(tree, 'bin/mandate'), 0o755);
  writeFileSync(
    path.join(tree, 'dist/src/main.js'),
    `process.stdout.write(JSON.stringify({ argv: process.argv.slice(2), main: __filename, node: process.execPath, env: process.env, ppid: process.ppid, pid: process.pid }));
     if (process.argv[2] === 'exit') process.exitCode = Number(process.argv[3]);
     if (process.argv[2] === 'sleep') setInterval(() => {}, 1000);`,
  );
});
afterAll(() => rmSync(tree, { recursive: true }));

interface Started {
  argv: string[];
  main: string;
  node: string;
  env: Record<string, string>;
  pid: number;
}

function start(argv: readonly string[], env: Record<string, string> = {}, program = path.join(tree, 'bin/mandate')) {
  const { status, stdout, stderr, pid } = spawnSync(program, argv, { env: { PATH: `${NODE}:/usr/bin:/bin`, ...env }, encoding: 'utf8' });
  return { status, stderr, pid, started: stdout ? (JSON.parse(stdout) as Started) : undefined };
}

const shells = ['dash', 'bash', 'busybox'].filter(
  (shell) => spawnSync(shell, shell === 'busybox' ? ['sh', '-c', ':'] : ['-c', ':']).status === 0,
);

describe('bin/mandate', () => {
  test('becomes node, in the same process, with the arguments as they are', () => {
    const argv = ['run', '--', 'a b', '', '$HOME', '*', '"', "'", '-n', '\n'];
    const { started, pid } = start(argv);
    expect(started).toMatchObject({ argv, main: path.join(tree, 'dist/src/main.js'), pid });
  });

  test('drops what could change what node loads, and keeps it for launched commands', () => {
    const hostile = {
      NODE_OPTIONS: '--require=/nonexistent/evil.js',
      NODE_PATH: '/tmp',
      NODE_EXTRA_CA_CERTS: '/tmp/ca',
      LD_LIBRARY_PATH: '/nonexistent',
      LD_BIND_NOW: '1',
      ENV: '/nonexistent/env',
      BASH_ENV: '/nonexistent/bash',
    };
    const { started } = start([], { ...hostile, NODEJS: 'stays', OLD_LD: 'stays', ENVIRONMENT: 'stays' });
    const env = started?.env ?? {};
    for (const [name, value] of Object.entries(hostile)) {
      expect([name, env[name]]).toEqual([name, undefined]);
      expect([name, env[`MANDATE_KEPT_${name}`]]).toEqual([name, value]);
    }
    expect(env).toMatchObject({ NODEJS: 'stays', OLD_LD: 'stays', ENVIRONMENT: 'stays' });
  });

  test.each(shells)('values are never run or read as names (%s)', (shell) => {
    const hostile = {
      A: "x'\nexport NODE_EVIL='1",
      NODE_OPTIONS: `--title=$(touch ${tree}/pwned) \`touch ${tree}/pwned\` ' " \\ \n export LD_PRELOAD=x`,
      LD_AUDIT_X: '*',
    };
    const program = path.join(tree, 'bin/mandate');
    const words = shell === 'busybox' ? ['sh', program] : [program];
    const { stdout, stderr } = spawnSync(shell, words, { env: { PATH: `${NODE}:/usr/bin:/bin`, ...hostile }, encoding: 'utf8' });
    expect(stderr).toBe('');
    const { env } = JSON.parse(stdout) as Started;
    expect(env['NODE_OPTIONS']).toBeUndefined();
    expect(env['LD_AUDIT_X']).toBeUndefined();
    expect(env['MANDATE_KEPT_NODE_OPTIONS']).toBe(hostile.NODE_OPTIONS);
    expect(env['MANDATE_KEPT_LD_AUDIT_X']).toBe('*');
    expect(env['A']).toBe(hostile.A);
    expect(spawnSync('test', ['-e', path.join(tree, 'pwned')]).status).toBe(1);
  });

  test('is found through links, relative and absolute, and through PATH', () => {
    const links = mkdtempSync(path.join(tmpdir(), 'mandate-links-'));
    symlinkSync(path.join(tree, 'bin/mandate'), path.join(links, 'one'));
    symlinkSync('one', path.join(links, 'mandate'));
    const main = path.join(tree, 'dist/src/main.js');
    expect(start([], {}, path.join(links, 'mandate')).started?.main).toBe(main);
    const byPath = spawnSync('mandate', [], { env: { PATH: `${links}:${NODE}:/usr/bin:/bin` }, encoding: 'utf8', cwd: '/' });
    expect((JSON.parse(byPath.stdout) as Started).main).toBe(main);
    const relative = spawnSync('./mandate', [], { env: { PATH: `${NODE}:/usr/bin:/bin` }, encoding: 'utf8', cwd: links });
    expect((JSON.parse(relative.stdout) as Started).main).toBe(main);
    const inFolder = spawnSync('sh', ['mandate'], {
      env: { PATH: `${NODE}:/usr/bin:/bin` },
      encoding: 'utf8',
      cwd: path.join(tree, 'bin'),
    });
    expect((JSON.parse(inFolder.stdout) as Started).main).toBe(main);
    rmSync(links, { recursive: true });
  });

  test('exit codes and signals are node’s own', async () => {
    expect(start(['exit', '7']).status).toBe(7);
    const child = spawn(path.join(tree, 'bin/mandate'), ['sleep'], { env: { PATH: `${NODE}:/usr/bin:/bin` } });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))).toBe('SIGTERM');
  });

  const fakeNode = (version: string): string => {
    const folder = mkdtempSync(path.join(tree, 'node-'));
    writeFileSync(path.join(folder, 'node'), `#!/bin/sh\n[ "$1" = --version ] && echo '${version}' || echo started\n`, { mode: 0o755 });
    return folder;
  };

  test.each(['v18.20.0', 'v20.18.3', 'v9.11.2', 'garbage', '', 'v20', 'vx.y'])('a node that says %j is passed over', (version) => {
    const program = path.join(tree, 'bin/mandate');
    const run = (PATH: string) => spawnSync(program, [], { env: { PATH }, encoding: 'utf8' });
    expect((JSON.parse(run(`${fakeNode(version)}:${NODE}:/usr/bin:/bin`).stdout) as Started).node).toBe(realpathSync(process.execPath));
    const alone = run(fakeNode(version));
    expect([alone.status, alone.stdout]).toEqual([1, '']);
    expect(alone.stderr).toContain('mandate needs Node.js 20.19 or newer; PATH has only');
  });

  test.each(['v20.19.0', 'v20.20.2', 'v22.0.0', 'v24.1.0', 'v100.0.0-nightly'])('a node that says %j is taken', (version) => {
    const { stdout } = spawnSync(path.join(tree, 'bin/mandate'), [], { env: { PATH: fakeNode(version) }, encoding: 'utf8' });
    expect(stdout).toBe('started\n');
  });

  test('no node at all, and relative folders of PATH never count', () => {
    const fake = fakeNode('v22.0.0');
    const { status, stderr } = spawnSync(path.join(tree, 'bin/mandate'), [], {
      env: { PATH: `.::${path.basename(fake)}:/nonexistent` },
      cwd: path.dirname(fake),
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toBe('error: mandate needs Node.js 20.19 or newer; PATH has none\n  fix   install Node.js, or put it on PATH\n');
  });

  test('a tree that was not built says what to do', () => {
    const bare = mkdtempSync(path.join(tmpdir(), 'mandate-bare-'));
    mkdirSync(path.join(bare, 'bin'));
    copyFileSync(path.join(ROOT, 'bin/mandate'), path.join(bare, 'bin/mandate'));
    const { status, stderr } = start([], {}, path.join(bare, 'bin/mandate'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: mandate is not built yet\n {2}fix {3}make -C .* setup\n$/);
    rmSync(bare, { recursive: true });
  });

  test('is plain POSIX sh', () => {
    for (const shell of shells) {
      const words = shell === 'busybox' ? ['sh', '-n'] : ['-n'];
      expect(() => execFileSync(shell, [...words, path.join(ROOT, 'bin/mandate')])).not.toThrow();
    }
  });
});
