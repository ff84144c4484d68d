// What ends under the clients, and comes back.
import { same } from '../results.mjs';
import { idsOf, serialOf, update, updates } from './crew.mjs';

export async function restarts(crew) {
  const { mandate } = crew;
  const agents = new Map();
  const agentOf = async (watcher) => (await mandate.json('who', String(watcher.pid))).agent?.id;
  for (const watcher of crew.everyone()) agents.set(watcher, await agentOf(watcher));

  const recovered = async (client, from) => {
    await crew.both(client, async (watcher) => {
      const held = new Set(watcher.events.slice(0, from(watcher)).flatMap(({ svids = [] }) => svids.map(({ key }) => key)));
      const line = await update(watcher, from(watcher), 'an update after the restart');
      same(idsOf(line), [mandate.agentId], 'identity');
      same(held.has(line.svids[0].key), false, 'an old key was handed out again');
      same(await agentOf(watcher), agents.get(watcher), 'the agent it belongs to');
    });
  };
  const killed = (part) => async (mark) => {
    process.kill(await mandate.pid(part), 'SIGKILL');
    mark();
  };

  await crew.stages('nodeKilled', [{ change: killed('node'), react: recovered }]);
  const sockets = new Map(crew.everyone().map((watcher) => [watcher, watcher.connections()]));
  await crew.stages('serverKilled', [
    {
      change: killed('server'),
      async react(client, from) {
        await crew.both(client, async (watcher) => {
          const held = new Set(
            updates(watcher)
              .filter((line) => watcher.events.indexOf(line) < from(watcher))
              .map(serialOf),
          );
          await update(watcher, from(watcher), 'a rotation after the kill', (line) => !held.has(serialOf(line)));
          same(watcher.connections(), sockets.get(watcher), 'sockets before and after');
        });
      },
    },
  ]);
  await crew.stages('downUp', [
    {
      async change(mark) {
        await mandate.down();
        mark();
        same(mandate.listening, false, 'a socket was left behind');
        await mandate.up();
      },
      react: recovered,
    },
  ]);
}
