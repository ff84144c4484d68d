import type { AgentAsked, Attestor, Homes, Observation, PatientReader, ProcessView } from '../src/domain/attestation';
import type { RunningScripts } from '../src/domain/running-script';

/** No agent that is known here has more; whoever compares the digest with a manifest can name each file that differs. */
const MAX_FILES = 48;

/** Which known AI agent this is, and by what it is governed (agent.md). Of what an agent starts, only what is known is one. */
export const agentAttestor = (reader: PatientReader, scripts: RunningScripts, homes: Homes): Attestor => {
  const asked = (view: ProcessView, launched: boolean): AgentAsked => ({ home: homes.home(view.uid), launched });
  return {
    name: 'agent',
    prepare(view, launched) {
      reader.agentAhead(view, asked(view, launched));
    },
    async attest(view, { launch }) {
      const agent = await reader.agent(view, asked(view, launch?.via === 'pinned'), await scripts.of(view));
      if (agent === undefined) return [];
      const { product, version, files, sha256, moved, whole } = agent;
      return [
        { name: 'product', value: product, assurance: 'declared' },
        ...(version === undefined ? [] : [{ name: 'version', value: version, assurance: 'declared' } as const]),
        { name: 'config_sha256', value: sha256, assurance: whole && !moved ? 'observed' : 'declared' },
        ...files.slice(0, MAX_FILES).map((file): Observation => ({
          name: 'config_file',
          value: `${file.name} ${file.sha256}`,
          assurance: moved ? 'declared' : 'observed',
        })),
      ];
    },
  };
};
