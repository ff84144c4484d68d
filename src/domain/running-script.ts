import { type Interpreter, interpreterOf, type ScriptClaim, scriptClaim } from './interpreter';
import { npmPackage, pythonPackage } from './package-claim';
import type { PatientReader, ProcessView, SeenFile } from './attestation';

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

/**
 * Finds the scripts of interpreters, once for each program image: by then an interpreter has read its script, and what the process or
 * the file say later is about something else.
 */
export class RunningScripts {
  readonly #found = new WeakMap<object, Promise<RunningScript | undefined>>();

  constructor(private readonly reader: PatientReader) {}

  /** Undefined for what is no interpreter, and for one whose arguments are none any more. */
  of(view: ProcessView): Promise<RunningScript | undefined> {
    const { image } = view;
    const known = this.#found.get(image);
    if (known !== undefined) return known;
    const found = this.#find(view);
    this.#found.set(image, found);
    found.catch(() => this.#found.delete(image));
    return found;
  }

  async #find(view: ProcessView): Promise<RunningScript | undefined> {
    const interpreter = interpreterOf(view.link('exe'));
    if (interpreter === undefined) return undefined;
    const { args } = await this.reader.ownWords(view);
    const claim = scriptClaim(interpreter, args);
    return claim && this.#look(view, interpreter, claim);
  }

  /**
   * What this process would run if it executed `program` (`real` after all links) with these arguments, its name first, latin-1: looked at
   * as it sees files now.
   */
  async announced(view: ProcessView, program: string, real: string, args: readonly string[]): Promise<AnnouncedScript> {
    const direct = interpreterOf(real);
    if (direct !== undefined) {
      const claim = scriptClaim(direct, [program, ...args.slice(1)]);
      return { shebang: false, script: claim && (await this.#look(view, direct, claim)) };
    }
    const [first] = await this.reader.texts(view, [{ path: program, firstLine: true }]);
    const line = first?.state === 'read' ? (first.text ?? '') : '';
    if (!line.startsWith('#!')) return { shebang: false, script: undefined };
    const interpreter = shebangInterpreter(line);
    const claim = { mode: 'file', named: program, preloads: [] } as const;
    return { shebang: true, script: interpreter && (await this.#look(view, interpreter, claim)) };
  }

  async #look(view: ProcessView, interpreter: Interpreter, claim: ScriptClaim): Promise<RunningScript> {
    const file = claim.mode === 'file' ? await this.reader.file(view, candidates(interpreter, claim.named ?? '')) : undefined;
    const described = file && (await this.#package(view, interpreter, file.path));
    return { interpreter, claim, file, package: described?.name, described };
  }

  async #package(
    view: ProcessView,
    interpreter: Interpreter,
    path: string,
  ): Promise<{ name: string; sha256: string; folder: string } | undefined> {
    if (interpreter === 'sh') return undefined;
    const [file, source, read] =
      interpreter === 'python' ? (['pyproject.toml', 'pypi', pythonPackage] as const) : (['package.json', 'npm', npmPackage] as const);
    const folders = foldersAbove(path);
    const found = await this.reader.texts(
      view,
      folders.map((folder) => ({ path: `${folder}/${file}`, text: true })),
    );
    for (const [index, one] of found.entries()) {
      const name = one.state === 'read' ? read(one.text ?? '') : undefined;
      if (one.state === 'read' && name !== undefined) return { name: `${source}:${name}`, sha256: one.sha256, folder: folders[index]! };
    }
    return undefined;
  }
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
