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

/** The command of a recipe, or undefined where it was not built: then the table says of these clients why. */
async function commandOf(recipe, names, results, tell) {
  try {
    const { missing, command } = await builtFrom(recipe, tell);
    if (missing !== undefined) for (const name of names) results.skipped(name, missing);
    return command;
  } catch (error) {
    for (const name of names) results.unreached(name, error.message);
    return undefined;
  }
}

/** Those that were built. `read` makes the reader of one process, `verifies` has the tool check what it gets, `declines` is what it cannot be asked. */
export async function toolClients(results, tell) {
  const spire = await commandOf(SPIRE, ['spire-agent', 'oidc-provider'], results, tell);
  const helper = await commandOf(HELPER, ['spiffe-helper'], results, tell);
  const spireAgent = spire && {
    name: 'spire-agent',
    command: spire.watch,
    program: spire.program,
    read: spireAgentLines,
    verifies: spireAgentVerifies(spire.program),
    declines: { neverShared: '`spire-agent api watch` prints neither keys nor serial numbers' },
  };
  const spiffeHelper = helper && {
    name: 'spiffe-helper',
    command: helper,
    read: spiffeHelperLines,
    declines: { secondIdentity: 'spiffe-helper writes the files of one identity' },
  };
  return { spireAgent, spiffeHelper, provider: spire && { program: spire.provider } };
}
