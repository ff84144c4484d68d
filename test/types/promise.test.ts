import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as ts from 'typescript';

/**
 * Promise 1 as a compile error: every file of must-not-compile/ takes a wrong way through an issuance, and must fail for exactly the
 * reason that its first line expects: `// TS1234: text that the message contains`.
 */
const folder = resolve(__dirname, 'must-not-compile');
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));

const root = resolve(__dirname, '../..');
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
  config: { compilerOptions: object };
};
const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, noEmit: true, rootDir: '.' }, root);
const program = ts.createProgram(
  files.map((file) => join(folder, file)),
  options,
);

function errorsOf(file: string): string[] {
  const source = program.getSourceFile(join(folder, file));
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    (one) => `TS${one.code}: ${ts.flattenDiagnosticMessageText(one.messageText, ' ')}`,
  );
}

const [compiles, ...wrong] = ['the-right-way.ts', ...files.filter((file) => file !== 'the-right-way.ts')];

it('compiles the right way', () => {
  expect(errorsOf(compiles)).toEqual([]);
});

it('has a wrong way for every step', () => {
  expect(wrong.length).toBeGreaterThanOrEqual(12);
});

it.each(wrong)('%s does not compile, for the reason it names', (file) => {
  const [code, ...text] = readFileSync(join(folder, file), 'utf8')
    .split('\n', 1)[0]!
    .replace(/^\/\/ /, '')
    .split(': ');
  const errors = errorsOf(file);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(`${code}: `);
  expect(errors[0]).toContain(text.join(': '));
});
