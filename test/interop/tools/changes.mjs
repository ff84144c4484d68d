// What changes of trust while the tools watch: they show the authorities of every trust domain, and that is what is judged.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { update } from '../libraries/crew.mjs';

/** The next update whose authorities are exactly these, by trust domain. */
const shows = (authorities) => async (watcher, from) => {
  const sorted = (bundles) => JSON.stringify(Object.entries(bundles).sort());
  const wanted = ({ x509Bundles }) => sorted(x509Bundles) === sorted(authorities);
  return update(watcher, from(watcher), `an update with the authorities ${sorted(authorities)}`, wanted);
};

/** What they hold is judged by the tools themselves: both verify the leaf by the authorities beside it. */
export async function twoRoots(crew) {
  const { mandate } = crew;
  const own = `spiffe://${mandate.trustDomain}`;
  const { authorities } = await mandate.json('ca', 'show');
  const { keyId } = authorities.find(({ kind, stage }) => kind === 'x509' && stage === 'active');
  const shown = (count) => async (client, from) => {
    await crew.both(client, (watcher) => shows({ [own]: count })(watcher, from));
    await client.verifies?.(mandate);
  };
  await crew.stages('twoRoots', [
    // Another authority, made at once, signs from here on.
    { change: () => mandate.mandate('ca', 'taint', keyId, '-y'), react: shown(2) },
    { change: () => mandate.mandate('ca', 'revoke', keyId, '-y'), react: shown(1) },
  ]);
}

/** The other trust domain is that of the go-spiffe partner: `command` serves its bundle. */
export async function federation(crew, command) {
  const { mandate, trial } = crew;
  const [own, domain] = [`spiffe://${mandate.trustDomain}`, 'partner.example'];
  const shown = (authorities) => (client, from) => crew.both(client, (watcher) => shows(authorities)(watcher, from)).then(() => undefined);
  await crew.stages('federation', [
    {
      async change() {
        const folder = path.join(mandate.folder, domain);
        mkdirSync(folder);
        const serving = trial.start('partner', [...command, 'serve', domain, folder, 'https_web'], mandate);
        const { url } = await serving.until(({ event }) => event === 'serving', 0, 'its endpoint');
        const ca = path.join(folder, 'web-ca.pem');
        await mandate.mandate('federation', 'add', domain, '--url', url, '--profile', 'https_web', '--ca', ca);
        await mandate.federate('launched', [domain]);
      },
      react: shown({ [own]: 1, [`spiffe://${domain}`]: 1 }),
    },
    { change: () => mandate.mandate('federation', 'rm', domain, '-y'), react: shown({ [own]: 1 }) },
  ]);
  await mandate.federate('launched', []);
}
