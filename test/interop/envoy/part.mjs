// Envoy in front of a service: who is let in is decided by its SPIFFE validator, with what spiffe-helper and the bundle document bring.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { PYTHON } from '../libraries/clients.mjs';
import { PARTNER } from '../partner/part.mjs';
import { HELPER } from '../tools/clients.mjs';
import { builtFrom } from '../toolchains.mjs';
import { Envoy } from './envoy.mjs';

const FILES = 'Envoy reads files: what is fetched, spiffe-helper fetches';
const DECLINES = {
  firstFetch: FILES,
  beforeRule: FILES,
  secondIdentity: FILES,
  allRemoved: FILES,
  neverShared: FILES,
  jwt: 'Envoy is asked to check X509-SVIDs here',
};

const ENVOY = {
  ...PYTHON,
  name: 'envoy',
  folder: 'envoy/wheel',
  command: (built) => [path.join(built, 'venv/bin/envoy')],
};

export const envoy = {
  name: 'envoy',
  columns: ['envoy'],
  async judge(results, trial, tell) {
    const [own, helper, partner] = [await builtFrom(ENVOY, tell), await builtFrom(HELPER, tell), await builtFrom(PARTNER, tell)];
    const { missing } = [own, helper, partner].find((one) => one.missing !== undefined) ?? {};
    if (missing !== undefined) {
      results.skipped('envoy', missing);
      return;
    }
    for (const [scenario, why] of Object.entries(DECLINES)) results.notApplicable('envoy', scenario, why);
    const mandate = await trial.installation();
    const folder = path.join(mandate.folder, 'envoy');
    mkdirSync(folder, { mode: 0o700 });
    const one = new Envoy(trial, mandate, folder, { envoy: own.command, helper: helper.command, partner: partner.command });
    const cell = (scenario, run) => results.cell('envoy', scenario, run);
    await cell('proxy', () => one.admitsOne());
    await cell('rotation', () => one.rotations());
    await cell('twoRoots', () => one.twoRoots());
    await cell('federation', () => one.federation());
    const killed = (part) => async () => process.kill(await mandate.pid(part), 'SIGKILL');
    await cell('nodeKilled', () => one.freshAfter(killed('node')));
    await cell('serverKilled', () => one.freshAfter(killed('server')));
    await cell('downUp', () =>
      one.freshAfter(async () => {
        await mandate.down();
        await mandate.up();
      }),
    );
  },
};
