import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { newHome, ROOT } from './installation';

/** One guard taken out: in this source file, these texts become those. */
export interface Patch {
  readonly file: string;
  readonly edits: readonly (readonly [from: string, to: string])[];
}

/**
 * A build with one guard taken out, or several that stand against the same attack, in a folder of its own: the product has no switch for
 * it. Throws where a text to replace is not there exactly once, and where the present build is not that of the present sources.
 */
export function scratchBuild(...patches: readonly Patch[]): string {
  return inFolder((root) => {
    for (const part of ['bin', 'dist', 'prisma', 'package.json']) cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
    for (const [file, edits] of editsByFile(patches)) writeFileSync(built(root, file), compile(patched(file, edits), file));
  });
}

/** What a copy of the project does without: what is linked, and what no test reads. */
const LEFT_OUT = new Set(['node_modules', '.git', 'coverage']);

/** The whole project with its tests and its build, copied once, in which one guard after the other is taken out. */
export class ScratchProject {
  readonly root = inFolder((root) => {
    for (const part of readdirSync(ROOT).filter((name) => !LEFT_OUT.has(name)))
      cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
  });

  /** Takes a guard out of sources and build, as scratchBuild does; the returned function puts it back. */
  without(...patches: readonly Patch[]): () => void {
    const files = [...editsByFile(patches)].map(([file, edits]) => ({ file, text: patched(file, edits) }));
    for (const { file, text } of files) this.#write(file, text);
    return () => {
      for (const { file } of files) this.#write(file, sourceOf(file));
    };
  }

  end(): void {
    remove(this.root);
  }

  #write(file: string, text: string): void {
    writeFileSync(path.join(this.root, file), text);
    writeFileSync(built(this.root, file), compile(text, file));
  }
}

function inFolder(fill: (root: string) => void): string {
  const root = path.join(newHome(), 'build');
  mkdirSync(root, { mode: 0o755 });
  try {
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
    fill(root);
  } catch (error) {
    remove(root);
    throw error;
  }
  return root;
}

const remove = (root: string): void => rmSync(path.dirname(root), { recursive: true, force: true });

function editsByFile(patches: readonly Patch[]): Map<string, Patch['edits']> {
  const files = new Map<string, Patch['edits']>();
  for (const { file, edits } of patches) files.set(file, [...(files.get(file) ?? []), ...edits]);
  return files;
}

const built = (root: string, file: string): string => path.join(root, 'dist', file.replace(/\.ts$/, '.js'));

const sourceOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

function patched(file: string, edits: Patch['edits']): string {
  const source = sourceOf(file);
  if (compile(source, file) !== readFileSync(built(ROOT, file), 'utf8'))
    throw new Error(`the build of ${file} is not what it compiles to: run make setup`);
  let text = source;
  for (const [from, to] of edits) {
    const occurrences = source.split(from).length - 1;
    if (occurrences !== 1) throw new Error(`${file} has ${JSON.stringify(from)} ${occurrences} times: adapt the patch to the source`);
    text = text.replace(from, () => to);
  }
  return text;
}

function compile(source: string, file: string): string {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) => readFileSync(name, 'utf8')) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.transpileModule(source, { compilerOptions: options, fileName: path.join(ROOT, file) }).outputText;
}
