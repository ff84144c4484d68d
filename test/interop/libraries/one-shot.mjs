// A process that makes every call once: X509-SVIDs and bundles, then tokens.
import { same } from '../results.mjs';
import { idsOf } from './crew.mjs';

const AUDIENCES = ['https://git.example', 'https://db.example', 'urn:third'];

/** What a launched process of this client tells of its one-shot calls; `until` is the event that answers. */
export async function fetched(crew, client, until, tag = 'once') {
  const { mandate } = crew;
  const process = crew.start(`${client.name} ${tag}`, mandate.launch(`${client.name}-${tag}`, [...client.command, 'fetch', ...AUDIENCES]));
  const seen = await process.until(({ event }) => event === until || event === 'failed', 0, 'the one-shot calls');
  same(seen.event, until, seen.text);
  return { seen, process };
}

export async function oneShotCalls(crew) {
  const { mandate } = crew;
  const domain = `spiffe://${mandate.trustDomain}`;
  const started = new Map(crew.clients.map((client) => [client, fetched(crew, client, 'fetched')]));
  await crew.each('firstFetch', async (client) => {
    const { seen } = await started.get(client);
    same(idsOf(seen), [mandate.agentId], 'identities');
    same([Object.keys(seen.x509Bundles), Object.keys(seen.jwtBundles)], [[domain], [domain]], 'bundle keys');
    await crew.both(client, async (watcher) => {
      const line = await watcher.until(({ event }) => event === 'x509', 0, 'the first update');
      same([idsOf(line), line.x509Bundles], [[mandate.agentId], seen.x509Bundles], 'what a watch begins with');
    });
    client.leaf = seen.leaf;
  });
  await crew.each('jwt', async (client) => {
    const { process } = await started.get(client);
    const seen = await process.until(({ event }) => event === 'tokens' || event === 'failed', 0, 'the tokens');
    same(seen.event, 'tokens', seen.text);
    same([seen.one.id, seen.three.id, seen.validated, seen.offline], Array(4).fill(mandate.agentId), 'subjects');
    same([seen.one.audience, [...seen.three.audience].sort()], [AUDIENCES.slice(0, 1), [...AUDIENCES].sort()], 'audiences');
    same([seen.three.count, seen.wrongAudience], [1, 'InvalidArgument'], 'one token each; another audience does not validate');
    await process.exited;
  });
}
