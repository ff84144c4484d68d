import { fileText } from '../src/domain/file-text';
import { type GoverningFile, governingFiles } from '../src/domain/governing-files';
import { configurationDigest } from '../src/domain/manifest';
import { agentOfPackage, agentOfProgram, GENERIC, type RecognisedAgent } from '../src/domain/known-agents';
import type { AttestContext, Attestor, FoundText, Homes, Observation, PatientReader, ProcessView } from '../src/domain/attestation';
import type { RunningScripts } from '../src/domain/running-script';

/** No agent that is known here has more; whoever compares the digest with a manifest can name each file that differs. */
const MAX_FILES = 48;

/** Which known AI agent this is, and by what it is governed (agent.md). */
export const agentAttestor = (reader: PatientReader, scripts: RunningScripts, homes: Homes): Attestor => ({
  name: 'agent',
  async attest(view, context) {
    const recognised = await recognise(view, scripts, context);
    if (recognised === undefined) return [];
    const { agent, version } = recognised;
    const { places: said } = await reader.ownWords(view);
    const { files, moved } = governingFiles(agent, { home: homes.home(view.uid), project: view.link('cwd'), said });
    const found = present(files, await reader.texts(view, files));
    const whole = !moved && found.every(({ state }) => state !== 'refused');
    return [
      { name: 'product', value: agent.product, assurance: 'declared' },
      ...(version === undefined ? [] : [{ name: 'version', value: version, assurance: 'declared' } as const]),
      {
        name: 'config_sha256',
        value: configurationDigest(
          found.map(({ label, state }) => ({ name: label, sha256: state })),
          agent.product,
        ),
        assurance: whole ? 'observed' : 'declared',
      },
      ...found.slice(0, MAX_FILES).map(({ label, state }): Observation => ({
        name: 'config_file',
        value: `${label} ${state}`,
        assurance: moved ? 'declared' : 'observed',
      })),
    ];
  },
});

/** What was launched is an agent, known or not; of what it starts, only what is known. */
async function recognise(view: ProcessView, scripts: RunningScripts, { launch }: AttestContext): Promise<RecognisedAgent | undefined> {
  const script = await scripts.of(view);
  const packaged = script?.package?.startsWith('npm:') === true ? agentOfPackage(script.package.slice('npm:'.length)) : undefined;
  return (
    packaged ??
    agentOfProgram(fileText(view.link('exe'))) ??
    (launch?.via === 'pinned' ? { agent: GENERIC, version: undefined } : undefined)
  );
}

interface Present {
  readonly label: string;
  /** SHA-256 of the content, or that it could not be read. */
  readonly state: string;
}

/** Labels instead of paths: the same configuration has the same digest for everybody. */
const present = (files: readonly GoverningFile[], found: readonly FoundText[]): Present[] =>
  files.flatMap(({ label }, index) => {
    const text = found[index];
    if (text === undefined || text.state === 'absent') return [];
    return [{ label: fileText(label), state: text.state === 'read' ? text.sha256 : text.state }];
  });
