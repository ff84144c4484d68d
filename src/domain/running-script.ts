import { type Interpreter, interpreterOf, type ScriptClaim, scriptClaim } from './interpreter';
import { npmPackage, pythonPackage } from './package-claim';
import type { FoundText, PatientReader, ProcessView, SeenFile, WantedText } from './attestation';

/** Folders above a script that are looked into for the description of its package. */
const MAX_LEVELS = 8;

/** What an interpreter says it runs, and what lies there. All of it rests on the process's own word. */
export interface RunningScript {
  readonly interpreter: Interpreter;
  readonly claim: ScriptClaim;
  readonly file: SeenFile | undefined;
  /** `npm:name@version` or `pypi:name@version`. */
  readonly package: string | undefined;
  /** The file that says so: its SHA-256, and the folder it lies in. */
  readonly described: { readonly sha256: string; readonly folder: string } | undefined;
}

/** What a command would run: whether its program begins with `#!`, and the script, if any. */
export interface AnnouncedScript {
  readonly shebang: boolean;
  readonly script: RunningScript | undefined;
}

/** Files as one process sees them (PatientReader); whoever reads on a thread of its own answers at once. */
export interface SeenFiles {
  readonly file: (paths: readonly string[]) => SeenFile | undefined | Promise<SeenFile | undefined>;
  readonly texts: (wanted: readonly WantedText[]) => readonly FoundText[] | Promise<readonly FoundText[]>;
}

/**
 * The script of a process by its own words: `exe` is what the kernel shows as its program, `args` what it shows as its arguments. Undefined
 * for what is no interpreter, and for one whose arguments are none any more.
 */
export async function runningScript(exe: string, args: readonly string[], files: SeenFiles): Promise<RunningScript | undefined> {
  const interpreter = interpreterOf(exe);
  const claim = interpreter && scriptClaim(interpreter, args);
  return claim && look(files, interpreter, claim);
}

/**
 * Finds the scripts of interpreters, once for each program image: by then an interpreter has read its script, and what the process or
 * the file say later is about something else.
 */
export class RunningScripts {
  readonly #found = new WeakMap<object, Promise<RunningScript | undefined>>();

  constructor(private readonly reader: PatientReader) {}

  /** As PatientReader.script. */
  of(view: ProcessView): Promise<RunningScript | undefined> {
    const { image } = view;
    const known = this.#found.get(image);
    if (known !== undefined) return known;
    const found = this.reader.script(view);
    this.#found.set(image, found);
    found.catch(() => this.#found.delete(image));
    return found;
  }

  /**
   * What this process would run if it executed `program` (`real` after all links) with these arguments, its name first, latin-1: looked at
   * as it sees files now.
   */
  async announced(view: ProcessView, program: string, real: string, args: readonly string[]): Promise<AnnouncedScript> {
    const files: SeenFiles = {
      file: (paths) => this.reader.file(view, paths),
      texts: (wanted) => this.reader.texts(view, wanted),
    };
    if (interpreterOf(real) !== undefined) {
      return { shebang: false, script: await runningScript(real, [program, ...args.slice(1)], files) };
    }
    const [first] = await files.texts([{ path: program, firstLine: true }]);
    const line = first?.state === 'read' ? (first.text ?? '') : '';
    if (!line.startsWith('#!')) return { shebang: false, script: undefined };
    const interpreter = shebangInterpreter(line);
    const claim = { mode: 'file', named: program, preloads: [] } as const;
    return { shebang: true, script: interpreter && (await look(files, interpreter, claim)) };
  }
}

async function look(files: SeenFiles, interpreter: Interpreter, claim: ScriptClaim): Promise<RunningScript> {
  const file = claim.mode === 'file' ? await files.file(candidates(interpreter, claim.named ?? '')) : undefined;
  const described = file && (await packageOf(files, interpreter, file.path));
  return { interpreter, claim, file, package: described?.name, described };
}

async function packageOf(
  files: SeenFiles,
  interpreter: Interpreter,
  path: string,
): Promise<{ name: string; sha256: string; folder: string } | undefined> {
  if (interpreter === 'sh') return undefined;
  const [file, source, read] =
    interpreter === 'python' ? (['pyproject.toml', 'pypi', pythonPackage] as const) : (['package.json', 'npm', npmPackage] as const);
  const folders = foldersAbove(path);
  const found = await files.texts(folders.map((folder) => ({ path: `${folder}/${file}`, text: true })));
  for (const [index, one] of found.entries()) {
    const name = one.state === 'read' ? read(one.text ?? '') : undefined;
    if (one.state === 'read' && name !== undefined) return { name: `${source}:${name}`, sha256: one.sha256, folder: folders[index]! };
  }
  return undefined;
}

/** Of `#!/usr/bin/env -S node --flag` and `#!/usr/bin/python3` alike: the first word that names an interpreter. */
const shebangInterpreter = (line: string): Interpreter | undefined =>
  line
    .slice(2)
    .trim()
    .split(/[ \t]+/)
    .map(interpreterOf)
    .find((interpreter) => interpreter !== undefined);

/** `node agent` runs agent.js; a folder stands for the file in it that has a fixed name. */
function candidates(interpreter: Interpreter, named: string): readonly string[] {
  if (named === '') return [];
  if (interpreter === 'python') return [named, `${named}/__main__.py`];
  return interpreter === 'sh' ? [named] : [named, `${named}.js`, `${named}/index.js`];
}

/** Nearest first; the root itself holds no package. */
function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0 && folders.length < MAX_LEVELS; end = path.lastIndexOf('/', end - 1))
    folders.push(path.slice(0, end));
  return folders;
}
