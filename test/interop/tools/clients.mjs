// The command line tools of SPIRE: how each is built from its module, and what it does in a way of its own.
import path from 'node:path';
import { available, builtFrom, execute } from '../toolchains.mjs';
import { spireAgentVerifies } from './one-shot.mjs';
import { spiffeHelperLines, spireAgentLines } from './lines.mjs';

/** Builds programs of a module that we only require, at the versions its own go.mod has, into the folder itself. */
const goPrograms = (folder, ...packages) => ({
  folder: `tools/${folder}`,
  needs: 'go 1.26',
  tool: () => available('go', 'version'),
  build: (tool, built) =>
    execute(tool, ['build', '-trimpath', '-o', `${built}/`, ...packages], built, {
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -buildvcs=false',
    }),
});

const SPIRE = {
  ...goPrograms('spire', 'github.com/spiffe/spire/cmd/spire-agent', 'github.com/spiffe/spire/support/oidc-discovery-provider'),
  name: "SPIRE's tools",
  command: (built) => ({
    watch: ['/bin/sh', path.join(built, 'watch.sh')],
    program: path.join(built, 'spire-agent'),
    provider: path.join(built, 'oidc-discovery-provider'),
  }),
};

export const HELPER = {
  ...goPrograms('helper', 'github.com/spiffe/spiffe-helper/cmd/spiffe-helper'),
  name: 'spiffe-helper',
  command: (built) => ['/bin/sh', path.join(built, 'helper.sh'), process.execPath],
};

export const COLUMNS = ['spire-agent', 'spiffe-helper', 'oidc-provider'];

/** Those that could be built; the others are skipped in the table. `read` makes the reader of one process, `declines` is what it cannot be asked. */
export async function toolClients(results, tell) {
  const spire = await builtFrom(SPIRE, tell);
  const helper = await builtFrom(HELPER, tell);
  const spireAgent = {
    name: 'spire-agent',
    missing: spire.missing,
    command: spire.command?.watch,
    program: spire.command?.program,
    read: spireAgentLines,
    verifies: spireAgentVerifies(spire.command?.program),
    declines: { neverShared: '`spire-agent api watch` prints neither keys nor serial numbers' },
  };
  const spiffeHelper = {
    name: 'spiffe-helper',
    ...helper,
    read: spiffeHelperLines,
    declines: { secondIdentity: 'spiffe-helper writes the files of one identity' },
  };
  const provider = { name: 'oidc-provider', missing: spire.missing, program: spire.command?.provider };
  for (const { name, missing } of [spireAgent, spiffeHelper, provider]) if (missing !== undefined) results.skipped(name, missing);
  const present = (client) => (client.missing === undefined ? client : undefined);
  return { spireAgent: present(spireAgent), spiffeHelper: present(spiffeHelper), provider: present(provider) };
}
