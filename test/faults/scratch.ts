import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
 * A build with one guard taken out, or several that stand against the same attack, in a folder of its own: the product has no switch for
 * it. Throws where a text to replace is not there exactly once, and where the present build is not that of the present sources.
 */
export function scratchBuild(...patches: readonly Patch[]): string {
  const root = path.join(newHome(), 'build');
  mkdirSync(root, { mode: 0o755 });
  try {
    for (const part of ['bin', 'dist', 'prisma', 'package.json']) cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
    for (const [file, edits] of editsByFile(patches)) writeFileSync(path.join(root, 'dist', compiledName(file)), patched(file, edits));
  } catch (error) {
    rmSync(path.dirname(root), { recursive: true, force: true });
    throw error;
  }
  return root;
}

function editsByFile(patches: readonly Patch[]): Map<string, Patch['edits']> {
  const files = new Map<string, Patch['edits']>();
  for (const { file, edits } of patches) files.set(file, [...(files.get(file) ?? []), ...edits]);
  return files;
}

const compiledName = (file: string): string => file.replace(/\.ts$/, '.js');

function patched(file: string, edits: Patch['edits']): string {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  if (compile(source, file) !== readFileSync(path.join(ROOT, 'dist', compiledName(file)), 'utf8'))
    throw new Error(`dist/${compiledName(file)} is not what ${file} compiles to: run make setup`);
  let text = source;
  for (const [from, to] of edits) {
    const occurrences = source.split(from).length - 1;
    if (occurrences !== 1) throw new Error(`${file} has ${JSON.stringify(from)} ${occurrences} times: adapt the patch to the source`);
    text = text.replace(from, to);
  }
  return compile(text, file);
}

function compile(source: string, file: string): string {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) => readFileSync(name, 'utf8')) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.transpileModule(source, { compilerOptions: options, fileName: path.join(ROOT, file) }).outputText;
}
