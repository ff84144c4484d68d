import { fileText } from './file-text';
import { governingFiles, type GoverningPlaces } from './governing-files';
import { agentOfPackage, agentOfProgram, GENERIC, type RecognisedAgent } from './known-agents';
import { configurationDigest, type GovernedFile } from './manifest';
import type { SeenFiles } from './running-script';

/** A known AI agent, and what governs it as its files are now. */
export interface GovernedAgent {
  readonly product: string;
  readonly version: string | undefined;
  readonly files: readonly GovernedFile[];
  readonly sha256: string;
  /** The process's own word says where some of the files lie. */
  readonly moved: boolean;
  /** Every file could be read. */
  readonly whole: boolean;
}

/** What a process runs, or is about to: its program as the kernel names it, and the package of its script. */
export interface Runs {
  readonly exe: string;
  readonly package: string | undefined;
  /** It is the process of a launch, and so an agent, known or not. */
  readonly launched: boolean;
}

/** Which agent that is, and the files that govern it; undefined for what is none. Throws as `texts` does. */
export async function governedAgent(runs: Runs, places: GoverningPlaces, texts: SeenFiles['texts']): Promise<GovernedAgent | undefined> {
  const recognised = recogniseAgent(runs);
  if (recognised === undefined) return undefined;
  const { agent, version } = recognised;
  const { files, moved } = governingFiles(agent, places);
  const found = await texts(files);
  // Labels instead of paths: the same configuration has the same digest for everybody.
  const present = files.flatMap(({ label }, index): GovernedFile[] => {
    const text = found[index];
    if (text === undefined || text.state === 'absent') return [];
    return [{ name: fileText(label), sha256: text.state === 'read' ? text.sha256 : text.state }];
  });
  const whole = present.every(({ sha256 }) => sha256 !== 'refused');
  return { product: agent.product, version, files: present, sha256: configurationDigest(present, agent.product), moved, whole };
}

/** Which agent a program is, by the package of its script or by its path. */
function recogniseAgent({ exe, package: named, launched }: Runs): RecognisedAgent | undefined {
  const packaged = named?.startsWith('npm:') === true ? agentOfPackage(named.slice('npm:'.length)) : undefined;
  return packaged ?? agentOfProgram(fileText(exe)) ?? (launched ? { agent: GENERIC, version: undefined } : undefined);
}
