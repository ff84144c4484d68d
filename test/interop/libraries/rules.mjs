// What rules change while clients watch.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { same } from '../results.mjs';
import { idsOf, refused, update } from './crew.mjs';

const programOf = ({ pid }) =>
  createHash('sha256')
    .update(readFileSync(`/proc/${pid}/exe`))
    .digest('hex');

/** Processes outside every launch, which no rule names before they run. */
export async function beforeAnyRule(crew) {
  const { mandate } = crew;
  const early = new Map(crew.clients.map((client) => [client, crew.start(`${client.name} early`, [...client.command, 'watch'])]));
  await crew.stages('beforeRule', [
    { change: () => undefined, react: (client) => refused(early.get(client)) },
    {
      change: () => mandate.rule('early', { match: `  binary.sha256: [${[...early.values()].map(programOf).join(', ')}]`, id: '/early' }),
      async react(client) {
        const line = await update(early.get(client), 0, 'an update after the rule');
        same(idsOf(line), [`spiffe://${mandate.trustDomain}/early`], 'identity');
      },
    },
  ]);
  await mandate.disable('early');
  await Promise.all([...early.values()].map((watcher) => watcher.end()));
}

export async function secondIdentity(crew) {
  const { mandate } = crew;
  const identities = (count, wanted) => async (client, from) => {
    await crew.both(client, async (watcher) => {
      const line = await update(watcher, from(watcher), `an update with ${count}`, ({ svids }) => svids.length === count);
      same(idsOf(line), wanted, 'identities, the default first');
    });
  };
  await crew.stages('secondIdentity', [
    {
      change: () => mandate.rule('second', { id: '/agent/{user}/second', priority: -1 }),
      react: identities(2, [mandate.agentId, `${mandate.agentId}/second`]),
    },
    { change: () => mandate.disable('second'), react: identities(1, [mandate.agentId]) },
  ]);
}

export async function allRemoved(crew) {
  const { mandate } = crew;
  await crew.stages('allRemoved', [
    {
      change: () => mandate.disable('launched'),
      react: (client) => crew.both(client, refused).then(() => undefined),
    },
    {
      change: () => mandate.enable('launched'),
      async react(client, from) {
        await crew.both(client, async (watcher) => {
          const without = watcher.events.slice(
            watcher.events.findLastIndex(({ event }) => event === 'refused'),
            from(watcher),
          );
          same(
            without.filter(({ event }) => event === 'x509'),
            [],
            'updates without an identity',
          );
          same(idsOf(await update(watcher, from(watcher), 'an update')), [mandate.agentId], 'identity');
        });
      },
    },
  ]);
}
