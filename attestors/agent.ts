import { readGovernedBy, recogniseAgent } from '../src/domain/governed-by';
import type { Attestor, Homes, Observation, PatientReader } from '../src/domain/attestation';
import type { RunningScripts } from '../src/domain/running-script';

/** No agent that is known here has more; whoever compares the digest with a manifest can name each file that differs. */
const MAX_FILES = 48;

/** Which known AI agent this is, and by what it is governed (agent.md). */
export const agentAttestor = (reader: PatientReader, scripts: RunningScripts, homes: Homes): Attestor => ({
  name: 'agent',
  async attest(view, { launch }) {
    const script = await scripts.of(view);
    // Of what an agent starts, only what is known is one.
    const recognised = recogniseAgent(script?.package, view.link('exe'), launch?.via === 'pinned');
    if (recognised === undefined) return [];
    const { agent, version } = recognised;
    const { files, sha256, moved, whole } = await readGovernedBy(reader, homes, view, agent);
    return [
      { name: 'product', value: agent.product, assurance: 'declared' },
      ...(version === undefined ? [] : [{ name: 'version', value: version, assurance: 'declared' } as const]),
      { name: 'config_sha256', value: sha256, assurance: whole && !moved ? 'observed' : 'declared' },
      ...files.slice(0, MAX_FILES).map((file): Observation => ({
        name: 'config_file',
        value: `${file.name} ${file.sha256}`,
        assurance: moved ? 'declared' : 'observed',
      })),
    ];
  },
});
