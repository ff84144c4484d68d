import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { newHome, ROOT } from '../running/installation';

/** One guard taken out: in this source file, these texts become those. */
export interface Patch {
  readonly file: string;
  readonly edits: readonly (readonly [from: string, to: string])[];
}

/** An answer leaves while its record is still on its way. */
export const RELEASE_BEFORE_RECORD: Patch = {
  file: 'src/domain/issuance.ts',
  edits: [['  await append(entry);\n', '  void append(entry).catch(() => undefined);\n']],
};

/** A pinned process is taken for unchanged, whatever it did since it was attested. */
export const NO_RECHECK: Patch = {
  file: 'src/system/process-view.ts',
  edits: ['recheck', 'glance'].map((look) => [`  ${look}(): void {\n`, `  ${look}(): void {\n    if (this.pid > 0) return;\n`]),
};

/**
 * A build with one guard taken out, in a folder of its own: the product has no switch for it. Throws where a text to replace is not
 * there exactly once, and where the present build is not that of the present sources.
 */
export function scratchBuild(patch: Patch): string {
  const source = readFileSync(path.join(ROOT, patch.file), 'utf8');
  let patched = source;
  for (const [from, to] of patch.edits) {
    const occurrences = source.split(from).length - 1;
    if (occurrences !== 1) throw new Error(`${patch.file} has ${JSON.stringify(from)} ${occurrences} times: adapt the patch to the source`);
    patched = patched.replace(from, to);
  }
  const compiled = patch.file.replace(/\.ts$/, '.js');
  if (compile(source, patch.file) !== readFileSync(path.join(ROOT, 'dist', compiled), 'utf8'))
    throw new Error(`dist/${compiled} is not what ${patch.file} compiles to: run make setup`);

  const root = path.join(newHome(), 'build');
  mkdirSync(root, { mode: 0o755 });
  for (const part of ['bin', 'dist', 'prisma', 'package.json']) cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  writeFileSync(path.join(root, 'dist', compiled), compile(patched, patch.file));
  return root;
}

function compile(source: string, file: string): string {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) => readFileSync(name, 'utf8')) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.transpileModule(source, { compilerOptions: options, fileName: path.join(ROOT, file) }).outputText;
}
