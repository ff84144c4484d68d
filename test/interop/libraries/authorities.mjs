// A second root of the own trust domain: beside the first, in its place, alone.
import { same } from '../results.mjs';
import { update } from './crew.mjs';

export async function twoRoots(crew) {
  const { mandate } = crew;
  const domain = `spiffe://${mandate.trustDomain}`;
  const roots = (count, issuer) => (line) => line.x509Bundles[domain] === count && issuer(line.svids[0].issuer);
  const first = new Map();
  const begins = new Map(crew.everyone().map((watcher) => [watcher, watcher.mark()]));
  const keyId = async (stage) => {
    const { authorities } = await mandate.json('ca', 'show');
    return authorities.find((one) => one.kind === 'x509' && one.stage === stage).keyId;
  };
  let before;
  await crew.stages('twoRoots', [
    {
      async change() {
        before = await keyId('active');
        await mandate.mandate('ca', 'prepare', 'x509');
      },
      async react(client, from) {
        await crew.both(client, async (watcher) => {
          const line = await update(
            watcher,
            from(watcher),
            'an update with two roots',
            roots(2, () => true),
          );
          first.set(watcher, line.svids[0].issuer);
        });
      },
    },
    {
      change: () => mandate.mandate('ca', 'rotate', 'x509'),
      async react(client, from) {
        await crew.both(client, (watcher) =>
          update(
            watcher,
            from(watcher),
            'an SVID of the second root',
            roots(2, (issuer) => issuer !== first.get(watcher)),
          ),
        );
      },
    },
    {
      async change() {
        await mandate.mandate('ca', 'taint', before, '--yes');
        await mandate.mandate('ca', 'revoke', before, '--yes');
      },
      async react(client, from) {
        await crew.both(client, async (watcher) => {
          await update(
            watcher,
            from(watcher),
            'an update with the second root alone',
            roots(1, (issuer) => issuer !== first.get(watcher)),
          );
          same(
            [...new Set(watcher.events.slice(begins.get(watcher)).map(({ event }) => event))],
            ['x509'],
            'what the client told meanwhile, of leaves that no authority beside them had signed too',
          );
        });
      },
    },
  ]);
}
