import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const OTHERS_READ = 0o004;
const OTHERS_PASS = 0o001;
const MAX_ENTRIES = 500_000;

/** What of an installation is started: folders and files whose content decides what runs as root. */
const PARTS = ['package.json', 'bin', 'dist', 'node_modules', 'prisma', 'proto'] as const;

export interface ProgramFault {
  readonly path: string;
  readonly saw: string;
}

/**
 * Why units may not start a program: who may write to it, or put something else in its place, becomes root; and the accounts of the parts
 * have to be able to read it. Undefined where nothing speaks against it. `folder` holds the package, `node` is the interpreter.
 */
export function programFault(folder: string, node: string): ProgramFault | undefined {
  return (
    wayFault(node) ??
    fileFault(node) ??
    wayFault(folder) ??
    fileFault(folder) ??
    PARTS.map((part) => path.join(folder, part)).reduce(firstFault, undefined)
  );
}

const firstFault = (before: ProgramFault | undefined, at: string): ProgramFault | undefined => before ?? treeFault(at);

/** Folders above: in a sticky one, such as /tmp, nobody else can rename what is root's. */
function wayFault(at: string): ProgramFault | undefined {
  for (let folder = path.dirname(realpathSync(at)); ; folder = path.dirname(folder)) {
    const { uid, mode } = statSync(folder);
    if (uid !== 0) return { path: folder, saw: `it belongs to uid ${uid}` };
    if (mode & GROUP_OR_OTHERS_WRITE && !(mode & STICKY)) return { path: folder, saw: 'others than root may write to it' };
    if (!(mode & OTHERS_PASS)) return { path: folder, saw: 'the accounts of the parts cannot pass through it' };
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Everything below, each link by where it leads. */
function treeFault(top: string): ProgramFault | undefined {
  const pending = [top];
  const seen = new Set<string>();
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (found.isSymbolicLink()) {
      const real = realOrNothing(at);
      if (real === undefined || seen.has(real)) continue;
      const fault = wayFault(real);
      if (fault) return fault;
      pending.push(real);
      continue;
    }
    if (seen.has(at)) continue;
    if (seen.add(at).size > MAX_ENTRIES) return { path: top, saw: 'more files than a program has' };
    const fault = fileFault(at);
    if (fault) return fault;
    if (found.isDirectory()) pending.push(...readdirSync(at).map((name) => path.join(at, name)));
  }
  return undefined;
}

function fileFault(at: string): ProgramFault | undefined {
  const { uid, mode } = statSync(at);
  if (uid !== 0) return { path: at, saw: `it belongs to uid ${uid}` };
  if (mode & GROUP_OR_OTHERS_WRITE) return { path: at, saw: 'others than root may write to it' };
  return mode & OTHERS_READ ? undefined : { path: at, saw: 'the accounts of the parts cannot read it' };
}

function realOrNothing(at: string): string | undefined {
  try {
    return realpathSync(at);
  } catch {
    return undefined; // leads nowhere, so nothing is started by it
  }
}
