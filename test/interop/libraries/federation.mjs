// Another trust domain, which is a second installation: its bundle comes with a rule and a relationship, and goes with either.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { same } from '../results.mjs';
import { update } from './crew.mjs';

const AUDIENCE = 'https://files.example';

/** A launched process of this client has a token of the other trust domain checked, by the node and by itself. */
async function judged(crew, client, token) {
  const { mandate } = crew;
  const process = crew.start(`${client.name} judge`, mandate.launch(`${client.name}-judge`, [...client.command, 'judge', AUDIENCE]));
  process.tell(token);
  const seen = await process.until(({ event }) => event === 'judged' || event === 'failed', 0, 'the judgement');
  same(seen.event, 'judged', seen.text);
  return seen;
}

export async function federation(crew) {
  const { mandate, trial } = crew;
  const partner = await trial.installation();
  const [own, other] = [mandate, partner].map(({ trustDomain }) => `spiffe://${trustDomain}`);
  const domains = ({ x509Bundles }) => Object.keys(x509Bundles).sort();
  const both = [own, other].sort();
  await partner.rule('launched', { id: '/agent/{user}' });
  const knows = (count) => async (client, from) => {
    await crew.both(client, async (watcher) => {
      const line = await update(watcher, from(watcher), `an update with ${count} trust domains`, (seen) => domains(seen).length === count);
      same(domains(line), count === 2 ? both : [own], 'trust domains');
    });
  };
  await crew.stages('federation', [
    {
      async change() {
        const file = path.join(mandate.folder, 'partner.json');
        writeFileSync(file, await partner.mandate('bundle', 'export', '--format', 'spiffe'));
        const endpoint = ['--url', partner.bundleUrl, '--profile', 'https_spiffe', '--endpoint-id', `${other}/mandate/server`];
        await mandate.mandate('federation', 'add', partner.trustDomain, ...endpoint, '--bundle', file);
        await mandate.federate('launched', [partner.trustDomain]);
      },
      async react(client, from) {
        await knows(2)(client, from);
        const seen = await judged(crew, client, await partner.token(`for-${client.name}`, AUDIENCE));
        same([seen.validated, seen.offline], Array(2).fill(partner.agentId), 'whose token it is');
        same([domains(seen), Object.keys(seen.jwtBundles).sort()], [both, both], 'bundles of one more process');
      },
    },
    { change: () => mandate.mandate('federation', 'rm', partner.trustDomain, '--yes'), react: knows(1) },
  ]);
  await mandate.federate('launched', []);
  await partner.remove();
}
