import type { Homes, PatientReader, ProcessView } from './attestation';
import { fileText } from './file-text';
import { governingFiles } from './governing-files';
import { agentOfPackage, agentOfProgram, GENERIC, type KnownAgent, type RecognisedAgent } from './known-agents';
import { configurationDigest, type GovernedFile } from './manifest';

/** What governs one agent as its files are now. */
export interface GovernedBy {
  readonly files: readonly GovernedFile[];
  readonly sha256: string;
  /** The process's own word says where some of the files lie. */
  readonly moved: boolean;
  /** Every file could be read. */
  readonly whole: boolean;
}

/** Reads the files that govern such an agent, as this process sees them. Throws as PatientReader does. */
export async function readGovernedBy(reader: PatientReader, homes: Homes, view: ProcessView, agent: KnownAgent): Promise<GovernedBy> {
  const { places: said } = await reader.ownWords(view);
  const { files, moved } = governingFiles(agent, { home: homes.home(view.uid), project: view.link('cwd'), said });
  const found = await reader.texts(view, files);
  // Labels instead of paths: the same configuration has the same digest for everybody.
  const present = files.flatMap(({ label }, index): GovernedFile[] => {
    const text = found[index];
    if (text === undefined || text.state === 'absent') return [];
    return [{ name: fileText(label), sha256: text.state === 'read' ? text.sha256 : text.state }];
  });
  const whole = present.every(({ sha256 }) => sha256 !== 'refused');
  return { files: present, sha256: configurationDigest(present, agent.product), moved, whole };
}

/** Which agent a program is, by the package of its script or by its path; what was `launched` is one, known or not. */
export function recogniseAgent(scriptPackage: string | undefined, exe: string, launched: boolean): RecognisedAgent | undefined {
  const packaged = scriptPackage?.startsWith('npm:') === true ? agentOfPackage(scriptPackage.slice('npm:'.length)) : undefined;
  return packaged ?? agentOfProgram(fileText(exe)) ?? (launched ? { agent: GENERIC, version: undefined } : undefined);
}
