// The command line tools of SPIRE, as an administrator or a sidecar runs them.
import { restarts } from '../libraries/restarts.mjs';
import { neverShared, rotations } from '../libraries/rotation.mjs';
import { allRemoved, beforeAnyRule, secondIdentity } from '../libraries/rules.mjs';
import { freePort } from '../ports.mjs';
import { issuerAt, openWebEndpoint, webSettings } from '../web.mjs';
import { PARTNER } from '../partner/part.mjs';
import { builtFrom } from '../toolchains.mjs';
import { federation, twoRoots } from './changes.mjs';
import { COLUMNS, toolClients } from './clients.mjs';
import { ToolCrew } from './crew.mjs';
import { spiffeHelperOnce, spireAgentOnce } from './one-shot.mjs';
import { Provider, PROVIDER_DECLINES } from './provider.mjs';

export const tools = {
  name: 'tools',
  columns: COLUMNS,
  async judge(results, trial, tell) {
    const { spireAgent, spiffeHelper, provider } = await toolClients(results, tell);
    const watching = [spireAgent, spiffeHelper].filter((client) => client !== undefined);
    if (watching.length === 0) return;
    const { command: served } = await builtFrom(PARTNER, tell);
    const port = await freePort();
    const mandate = await trial.installation(webSettings(port));
    const caFile = await openWebEndpoint(mandate, port);
    const crew = new ToolCrew(results, trial, mandate, watching);
    await mandate.rule('launched', { id: '/agent/{user}' });
    await beforeAnyRule(crew);
    crew.launch();
    const tokens = [await once(crew, spireAgent, spireAgentOnce), await once(crew, spiffeHelper, spiffeHelperOnce)];
    await rotations(crew);
    await Promise.all(tokens.map((cell) => cell?.judged));
    await secondIdentity(crew);
    await allRemoved(crew);
    if (provider !== undefined) await discovery(results, new Provider(trial, mandate, provider, issuerAt(port), caFile));
    await restarts(crew);
    await twoRoots(crew);
    await federation(crew, served);
    await neverShared(crew);
  },
};

/** The first fetch is over then; `judged` is the cell of the tokens, which takes as long as a token stays fresh. */
async function once(crew, client, made) {
  if (client === undefined) return undefined;
  const firstUpdate = () => crew.pair(client)[0].until(({ event }) => event === 'x509', 0, 'the first update');
  const { firstFetch, jwt } = made(crew.mandate, client, firstUpdate, crew.trial);
  await crew.results.cell(client.name, 'firstFetch', firstFetch);
  return { judged: crew.results.cell(client.name, 'jwt', jwt) };
}

async function discovery(results, provider) {
  const { mandate } = provider;
  for (const [scenario, why] of Object.entries(PROVIDER_DECLINES)) results.notApplicable('oidc-provider', scenario, why);
  provider.start();
  const cell = (scenario, run) => results.cell('oidc-provider', scenario, run);
  await cell('beforeRule', () => provider.beforeAnyRule());
  await cell('jwt', () => provider.tokens());
  await cell('twoRoots', () => provider.twoRoots());
  await cell('nodeKilled', () => provider.servesAfter(async () => process.kill(await mandate.pid('node'), 'SIGKILL')));
  await cell('downUp', () =>
    provider.servesAfter(async () => {
      await mandate.down();
      await mandate.up();
    }),
  );
}
