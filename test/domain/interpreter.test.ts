import fc from 'fast-check';
import { type Interpreter, interpreterOf, scriptClaim } from '../../src/domain/interpreter';
import { npmPackage, pythonPackage } from '../../src/domain/package-claim';

test.each<[string, Interpreter | undefined]>([
  ['/usr/bin/node', 'node'],
  ['/usr/bin/nodejs', 'node'],
  ['/opt/node (deleted)', 'node'],
  ['/usr/bin/python3', 'python'],
  ['/usr/bin/python3.13t', 'python'],
  ['/usr/bin/dash', 'sh'],
  ['/usr/bin/bash', 'sh'],
  ['/root/.deno/bin/deno', 'deno'],
  ['/usr/bin/bun', 'bun'],
  ['/usr/bin/python-config', undefined],
  ['/usr/bin/claude', undefined],
  ['/node/agent', undefined],
  ['', undefined],
])('%s is the interpreter %s', (exe, expected) => expect(interpreterOf(exe)).toBe(expected));

const file = (named: string, ...preloads: string[]) => ({ mode: 'file', named, preloads });
const only = (mode: string, ...preloads: string[]) => ({ mode, named: undefined, preloads });

test.each<[Interpreter, string, unknown]>([
  ['node', 'node x.js --flag', file('x.js')],
  ['node', '/usr/bin/node --enable-source-maps --max-old-space-size=4096 /app/cli.js', file('/app/cli.js')],
  ['node', 'node -r ./a.js --require=b --import c.mjs x.js -r d', file('x.js', './a.js', 'b', 'c.mjs')],
  ['node', 'node --experimental-loader l.mjs --title t x.js', file('x.js', 'l.mjs')],
  ['node', 'node --env-file .env -C dev -- -x.js', file('-x.js')],
  ['node', 'node -e 1 x.js', only('inline')],
  ['node', 'node -r a --eval=1', only('inline', 'a')],
  ['node', 'node -p 1', only('inline')],
  ['node', 'node', only('stdin')],
  ['node', 'node -', only('stdin')],
  ['node', 'node --inspect', only('stdin')],
  ['node', 'MainThread x.js', file('x.js')],
  ['python', 'python3 -u -X dev agent.py -m x', file('agent.py')],
  ['python', 'python3 -Wignore -OO agent.py', file('agent.py')],
  ['python', 'python3 -m aider.main --model x', { mode: 'module', named: 'aider.main', preloads: [] }],
  ['python', 'python3 -Imaider x', { mode: 'module', named: 'aider', preloads: [] }],
  ['python', 'python3 -uBc pass x.py', only('inline')],
  ['python', 'python3 -', only('stdin')],
  ['sh', 'sh script.sh -c x', file('script.sh')],
  ['sh', '-bash', only('stdin')],
  ['sh', 'bash -euo pipefail run.sh', file('run.sh')],
  ['sh', 'bash --rcfile f +o history run.sh', file('run.sh', 'f')],
  ['sh', 'sh -ec x', only('inline')],
  ['sh', 'sh -s arg', only('stdin')],
  ['deno', 'deno run --allow-net=x -c deno.json main.ts', file('main.ts')],
  ['deno', 'deno eval 1', only('inline')],
  ['deno', 'deno main.ts', file('main.ts')],
  ['bun', 'bun run --preload p.ts agent.ts', file('agent.ts', 'p.ts')],
  ['bun', 'bun -e 1', only('inline')],
])('%s: %s', (interpreter, line, expected) => expect(scriptClaim(interpreter, line.split(' '))).toEqual(expected));

describe('arguments that were overwritten say nothing', () => {
  test.each<[string, string[]]>([
    ['a title, and NUL behind it', ['claude', '', '', '', '']],
    ['a title as long as the arguments were', ['claude-co']],
    ['the name of the interpreter as a title', ['node', '', '']],
    ['nothing', []],
    ['empty', ['']],
  ])('%s', (_, args) => expect(scriptClaim('node', args)).toBeUndefined());
});

test('whatever the arguments, reading them ends with an answer of one of these forms', () => {
  const arg = fc.oneof(fc.constantFrom('-', '--', '-c', '-m', '-o', '+o', '-s', 'run', 'eval', '-r', '--import=', ''), fc.string());
  fc.assert(
    fc.property(fc.constantFrom<Interpreter>('node', 'python', 'sh', 'deno', 'bun'), fc.array(arg), (interpreter, args) => {
      const claim = scriptClaim(interpreter, args);
      if (claim !== undefined) expect(['file', 'module', 'inline', 'stdin']).toContain(claim.mode);
      if (claim?.mode === 'file') expect(args).toContain(claim.named);
    }),
  );
});

describe('packages', () => {
  test.each([
    ['{"name":"@acme/agent","version":"1.2.3"}', '@acme/agent@1.2.3'],
    ['{"name":"a","version":"1.0.0-rc.1+5"}', 'a@1.0.0-rc.1+5'],
    ['{"type":"module"}', undefined],
    ['{"name":"a b","version":"1"}', undefined],
    ['{"name":"a","version":"1\\n2"}', undefined],
    ['{"name":["a"],"version":"1"}', undefined],
    [`{"name":"${'a'.repeat(215)}","version":"1"}`, undefined],
    ['null', undefined],
    ['{', undefined],
  ])('package.json %s', (text, expected) => expect(npmPackage(text)).toBe(expected));

  test.each([
    ['[project]\nname = "aider"\nversion = "0.9"\n', 'aider@0.9'],
    ["[build-system]\nname = 'x'\n\n[project]\nversion = '1' # of now\nname='agent'\n[tool.x]\nname = 'y'\n", 'agent@1'],
    ['[project]\nname = "a"\ndynamic = ["version"]\n', undefined],
    ['[tool.poetry]\nname = "a"\nversion = "1"\n', undefined],
    ['[project]\nname = "a"\n[tool]\nversion = "1"\n', undefined],
    ['', undefined],
  ])('pyproject.toml %j', (text, expected) => expect(pythonPackage(text)).toBe(expected));
});
