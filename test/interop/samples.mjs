// The Go and Python samples of examples/services as services, called by agents of a running Mandate.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { GO, PYTHON } from './libraries/clients.mjs';
import { freePort, listening } from './ports.mjs';
import { same } from './results.mjs';
import { builtFrom } from './toolchains.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const AUDIENCE = 'https://sample.example';
const CALL_MS = 60_000;

const folder = (name) => path.join(root, 'examples/services', name);
const idOf = (mandate, name) => `spiffe://${mandate.trustDomain}/sample/${name}`;

/** How an agent calls each of them: by mutual TLS, or with a token that never stands in an argument. What a stranger gets is `refusal`. */
const SERVICES = [
  {
    recipe: { ...GO, folder: folder('go') },
    call: (port, service) => [
      process.execPath,
      path.join(root, 'dist/examples/services/typescript/call.js'),
      `https://localhost:${port}`,
      service,
    ],
    refusal: '',
  },
  {
    recipe: {
      ...PYTHON,
      folder: folder('python'),
      command: (built) => [path.join(built, 'venv/bin/python'), path.join(built, 'service.py')],
    },
    call: (port) => [
      '/bin/sh',
      '-c',
      `printf 'Authorization: Bearer %s' "$(${root}/bin/mandate svid --jwt --audience ${AUDIENCE})" | curl -s -H @- http://localhost:${port}/`,
    ],
    refusal: 'refused\n',
  },
];

/** What an agent of this name gets for an answer; an error counts as none. */
function called(mandate, name, command) {
  const [program, ...args] = mandate.launch(name, command);
  const env = { ...mandate.env(), MANDATE_STATE: mandate.state, SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi };
  return new Promise((resolve) => execFile(program, args, { env, timeout: CALL_MS }, (_error, stdout) => resolve(stdout)));
}

export const samples = {
  name: 'samples',
  columns: SERVICES.map(({ recipe }) => recipe.name),
  async judge(results, trial, tell) {
    const built = [];
    for (const service of SERVICES) built.push({ ...service, ...(await builtFrom(service.recipe, tell)) });
    const mandate = await trial.installation();
    await mandate.mandate('rules', 'apply', path.join(root, 'examples/services/rule.yaml'));
    for (const { name, missing, command, call, refusal } of built) {
      if (missing !== undefined) {
        results.skipped(name, missing);
        continue;
      }
      await results.cell(name, 'sample', async () => {
        const port = await freePort();
        const service = mandate.launch('service', [...command, idOf(mandate, 'caller'), String(port)]);
        await listening(trial.start(`${name} sample`, service, mandate, { MANDATE_STATE: mandate.state }), port);
        const calling = call(port, idOf(mandate, 'service'));
        same(await called(mandate, 'caller', calling), `hello ${idOf(mandate, 'caller')}\n`, 'the answer to the agent it names');
        same(await called(mandate, 'other', calling), refusal, 'the answer to another agent');
      });
    }
  },
};
