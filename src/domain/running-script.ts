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
    if (claim === undefined) return undefined;
    const file = claim.mode === 'file' ? await this.reader.file(view, candidates(interpreter, claim.named ?? '')) : undefined;
    return { interpreter, claim, file, package: file && (await this.#package(view, interpreter, file.path)) };
  }

  async #package(view: ProcessView, interpreter: Interpreter, path: string): Promise<string | undefined> {
    if (interpreter === 'sh') return undefined;
    const [file, source, read] =
      interpreter === 'python' ? (['pyproject.toml', 'pypi', pythonPackage] as const) : (['package.json', 'npm', npmPackage] as const);
    const found = await this.reader.texts(
      view,
      foldersAbove(path).map((folder) => ({ path: `${folder}/${file}`, text: true })),
    );
    for (const one of found) {
      const name = one.state === 'read' ? read(one.text ?? '') : undefined;
      if (name !== undefined) return `${source}:${name}`;
    }
    return undefined;
  }
}

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
