// The libraries: what any service links, judged in the order of the table.
import { twoRoots } from './authorities.mjs';
import { LIBRARIES, libraryClients } from './clients.mjs';
import { Crew } from './crew.mjs';
import { documents } from './documents.mjs';
import { federation } from './federation.mjs';
import { oneShotCalls } from './one-shot.mjs';
import { neverShared, rotations } from './rotation.mjs';
import { restarts } from './restarts.mjs';
import { allRemoved, beforeAnyRule, secondIdentity } from './rules.mjs';

export const libraries = {
  name: 'libraries',
  columns: LIBRARIES.map(({ name }) => name),
  async judge(results, trial, tell) {
    const clients = await libraryClients(results, tell);
    if (clients.length === 0) return;
    const mandate = await trial.installation();
    const crew = new Crew(results, trial, mandate, clients);
    await mandate.rule('launched', { id: '/agent/{user}' });
    await beforeAnyRule(crew);
    crew.launch();
    await oneShotCalls(crew);
    const sameDocuments = await documents(crew);
    await rotations(crew);
    await secondIdentity(crew);
    await allRemoved(crew);
    await restarts(crew);
    await sameDocuments();
    await twoRoots(crew);
    await federation(crew);
    await neverShared(crew);
  },
};
