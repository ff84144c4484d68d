import { asMandateError } from '../domain/errors';
import { fileText } from '../domain/file-text';
import { governedAgent } from '../domain/governed-by';
import type { LaunchMeasures } from '../domain/launch-measures';
import type { Homes, PatientReader } from '../domain/attestation';
import type { RunningScript, RunningScripts } from '../domain/running-script';
import type { PinnedProcess } from '../system/process-view';
import { type MeasuredProgram, measureProgram, type ProgramHasher } from './program';

/** What pins the versions of dependencies, beside the file that describes a package. */
const LOCKS: readonly string[] = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'uv.lock',
  'poetry.lock',
];

export interface LaunchMeasuringParts {
  readonly hasher: ProgramHasher;
  readonly reader: PatientReader;
  readonly scripts: RunningScripts;
  readonly homes: Homes;
}

export interface MeasuredCommand {
  readonly program: MeasuredProgram;
  readonly shebang: boolean;
  readonly measures: LaunchMeasures;
}

/**
 * Measures what a launcher is about to become, before it does: the program, the script that its arguments name, the package around that,
 * and what would govern the agent. The command stands at the end of the launcher's own arguments, and everything is looked up as the
 * launcher sees it. Only the program must be had; throws as measureProgram does. What else cannot be read in time is not measured.
 */
export async function measureLaunch(
  parts: LaunchMeasuringParts,
  process: PinnedProcess,
  path: string,
  argumentCount: number,
): Promise<MeasuredCommand> {
  const program = await measureProgram(process, path, parts.hasher);
  try {
    const { args } = await parts.reader.ownWords(process);
    const command = argumentCount > 0 && argumentCount < args.length ? args.slice(-argumentCount) : [];
    const latin1 = Buffer.from(path, 'utf8').toString('latin1');
    const { shebang, script } = await parts.scripts.announced(process, latin1, program.real, command);
    const [packaged, configuration] = await Promise.all([
      packageOf(parts, process, script),
      configurationOf(parts, process, script, program.real),
    ]);
    const file = script?.file;
    return {
      program,
      shebang,
      measures: { script: file ? { path: fileText(file.path), sha256: file.sha256 } : null, package: packaged, configuration },
    };
  } catch (thrown) {
    if (asMandateError(thrown).code === 'E_PEER_GONE') throw thrown;
    return { program, shebang: false, measures: { script: null, package: null, configuration: null } };
  }
}

async function packageOf(
  { reader }: LaunchMeasuringParts,
  process: PinnedProcess,
  script: RunningScript | undefined,
): Promise<LaunchMeasures['package']> {
  const { package: name, described } = script ?? {};
  if (name === undefined || described === undefined) return null;
  const lock = await reader.file(
    process,
    LOCKS.map((file) => `${described.folder}/${file}`),
  );
  return { name, sha256: described.sha256, lockSha256: lock?.sha256 ?? null };
}

async function configurationOf(
  { reader, homes }: LaunchMeasuringParts,
  process: PinnedProcess,
  script: RunningScript | undefined,
  real: string,
): Promise<LaunchMeasures['configuration']> {
  const { places } = await reader.ownWords(process);
  const agent = await governedAgent(
    { exe: real, package: script?.package, launched: true },
    { home: homes.home(process.uid), project: process.link('cwd'), said: places },
    (files) => reader.texts(process, files),
  );
  return agent ? { product: agent.product, sha256: agent.sha256 } : null;
}
