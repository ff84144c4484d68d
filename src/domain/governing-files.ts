import type { KnownAgent } from './known-agents';
import type { WantedText } from './attestation';

/** Folders above the working folder whose instructions count. */
const MAX_LEVELS_ABOVE = 6;

export interface GoverningFile extends WantedText {
  /** How it is called where people and homes differ: `~/…`, `./…`, `../…`, or a path from the root. */
  readonly label: string;
}

export interface GoverningPlaces {
  /** The home of the account, and the working folder; undefined where there is none. */
  readonly home: string | undefined;
  readonly project: string;
  /** What the process says in its environment, as OwnWords.places. */
  readonly said: ReadonlyMap<string, string>;
}

/** The files that govern an agent, in a fixed order. `moved` where the process's own word says where some of them lie. */
export function governingFiles(
  agent: KnownAgent,
  places: GoverningPlaces,
): { readonly files: readonly GoverningFile[]; readonly moved: boolean } {
  const { home: accountHome, project, said } = places;
  const saidHome = absolute(said.get('HOME'));
  const home = saidHome ?? accountHome;
  const saidFolder = agent.folder && absolute(said.get(agent.folder.variable));
  const moved =
    (saidHome !== undefined && saidHome !== accountHome) || saidFolder !== undefined || agent.moving.some((variable) => said.has(variable));
  return {
    moved,
    files: [
      ...agent.managed.map((path) => ({ label: path, path })),
      ...userFiles(agent, home, saidFolder, project),
      ...agent.project.map((file) => ({ label: `./${file}`, path: `${project}/${file}` })),
      ...foldersAbove(project).flatMap((folder, level) =>
        agent.above.map((file) => ({ label: `${'../'.repeat(level + 1)}${file}`, path: `${folder}/${file}` })),
      ),
    ],
  };
}

/** Names of all files that may govern an agent, and whether only some members of such a file count. */
export function governedNames(agent: KnownAgent): ReadonlyMap<string, { readonly whole: boolean }> {
  const project = '/1'.repeat(MAX_LEVELS_ABOVE + 1);
  const { files } = governingFiles(agent, { home: '/home', project, said: new Map() });
  return new Map(files.map(({ label, members }) => [label, { whole: members === undefined }]));
}

function userFiles(agent: KnownAgent, home: string | undefined, moved: string | undefined, project: string): GoverningFile[] {
  const { folder, state } = agent;
  const own = folder && (moved ?? (home === undefined ? undefined : `${home}/${folder.name}`));
  if (folder === undefined || own === undefined) return [];
  const files: GoverningFile[] = agent.user.map((file) => ({ label: `~/${folder.name}/${file}`, path: `${own}/${file}` }));
  if (state === undefined) return files;
  const members = state.members.map((names) => names.map((name) => (name === '{project}' ? project : name)));
  return [...files, { label: `~/${state.file}`, path: `${moved ?? home ?? ''}/${state.file}`, members }];
}

/** Nearest first, without the root. */
function foldersAbove(project: string): string[] {
  const folders: string[] = [];
  for (let end = project.lastIndexOf('/'); end > 0 && folders.length < MAX_LEVELS_ABOVE; end = project.lastIndexOf('/', end - 1))
    folders.push(project.slice(0, end));
  return folders;
}

const absolute = (path: string | undefined): string | undefined => (path?.startsWith('/') === true ? path.replace(/\/+$/, '') : undefined);
