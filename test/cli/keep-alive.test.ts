import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './command-line';

/** A real process, since the question is when it ends. The sources are compiled on the way, as the tests themselves are. */
const run = (script: string) =>
  spawnSync(
    process.execPath,
    [
      '-e',
      `const swc = require('@swc/core'); const fs = require('fs');
       require.extensions['.ts'] = (module, file) => module._compile(swc.transformSync(fs.readFileSync(file, 'utf8'), { filename: file, jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }).code, file);
       const { keepAlive } = require('./src/cli/keep-alive.ts');
       ${script}`,
    ],
    { cwd: path.resolve(ROOT), encoding: 'utf8' },
  );

test('a process that only waits for a timer which holds nothing ends early without it, and not with it', () => {
  const wait = `setTimeout(() => { process.stdout.write('waited'); release(); }, 20).unref();`;
  expect(run(`const release = () => {}; ${wait}`).stdout).toBe('');
  const kept = run(`const release = keepAlive(); ${wait}`);
  expect([kept.status, kept.stdout]).toEqual([0, 'waited']);
});
