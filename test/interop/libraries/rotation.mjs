// Rotations without reconnecting, and keys that nobody else has.
import { same } from '../results.mjs';
import { serialOf, update, updates } from './crew.mjs';

const ROTATIONS = 3;

/** Twice over: the library reports nothing but updates, and the kernel shows the same sockets before and after. */
export async function rotations(crew) {
  await crew.each('rotation', (client) =>
    crew
      .both(client, async (watcher) => {
        await update(watcher, 0, 'the first update');
        const connected = () => watcher.events.filter(({ event }) => event === 'connected').length;
        if (client.connects > 1) await watcher.until(() => connected() >= client.connects, 0, 'its last connection');
        const [sockets, from] = [watcher.connections(), watcher.mark()];
        const first = updates(watcher).at(-1).svids[0];
        const [serials, keys] = [new Set([first.serial]), new Set([first.key])];
        for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
          const line = await update(watcher, from, `rotation ${rotation}`, (seen) => !serials.has(serialOf(seen)));
          serials.add(serialOf(line));
          keys.add(line.svids[0].key);
        }
        same(keys.size, ROTATIONS + 1, 'a fresh key at each rotation');
        same(watcher.connections(), sockets, 'sockets before and after');
        same([...new Set(watcher.events.slice(from).map(({ event }) => event))], ['x509'], 'what the client told meanwhile');
      })
      .then(() => undefined),
  );
}

/** A key or serial that two processes were given, over everything that any of them ever received. */
export async function neverShared(crew) {
  await crew.each('neverShared', (client) => {
    for (const field of ['key', 'serial']) {
      const owners = new Map();
      for (const watcher of crew.trial.watchers) {
        for (const { svids } of watcher.events.filter((line) => line.svids !== undefined)) {
          for (const svid of svids) owners.set(svid[field], (owners.get(svid[field]) ?? new Set()).add(watcher.name));
        }
      }
      const shared = [...owners.values()].filter((names) => names.size > 1 && [...names].some((name) => name.startsWith(client.name)));
      same(
        shared.map((names) => [...names]),
        [],
        `processes with one ${field}`,
      );
    }
    return `${new Set(crew.pair(client).flatMap(updates).map(serialOf)).size} X509-SVIDs seen`;
  });
}
