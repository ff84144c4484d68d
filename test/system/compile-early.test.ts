import { spawnSync } from 'node:child_process';
import { sourceArguments } from './peers';

const MAJOR = Number(process.versions.node.split('.')[0]);
const known = MAJOR === 20 || MAJOR === 22;

/** Whether a function is compiled for speed after some hundred calls, as V8 says itself. */
function compiled(before: string): string {
  const calls = `
    ${before}
    const work = (text) => { let sum = 0; for (const part of text.split(',')) sum += part.length * 3 + (part === 'b' ? 1 : 0); return sum; };
    for (let call = 0; call < 600; call++) work('a,b,c' + call);
    const OPTIMIZED = 1 << 4;
    console.log((%GetOptimizationStatus(work) & OPTIMIZED) !== 0);`;
  // On this thread, so that it is not by chance that the compiler has finished.
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--allow-natives-syntax', '--no-concurrent-recompilation', ...sourceArguments(calls)],
    {
      encoding: 'utf8',
    },
  );
  return stdout + stderr;
}

(known ? test : test.skip)('what ran some hundred times is compiled, and not before without it', () => {
  expect(compiled('')).toBe('false\n');
  expect(compiled("system('compile-early').compileEarly();")).toBe('true\n');
});

test('no version is told what it does not know', () => {
  const { stdout, stderr } = spawnSync(process.execPath, sourceArguments("system('compile-early').compileEarly();"), { encoding: 'utf8' });
  expect(stdout + stderr).toBe('');
});
