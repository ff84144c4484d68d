// Federation with go-spiffe as the partner, either way, by either profile.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { available, builtFrom, execute } from '../toolchains.mjs';
import { bundleDocument } from '../documents.mjs';
import { freePort } from '../ports.mjs';
import { same } from '../results.mjs';
import { issuerAt, openWebEndpoint, webSettings } from '../web.mjs';

const AUDIENCE = 'https://files.example';
export const PARTNER = {
  name: 'go-spiffe',
  folder: 'partner/go',
  needs: 'go',
  tool: () => available('go', 'version'),
  command: (built) => [path.join(built, 'partner')],
  build: (tool, built) =>
    execute(tool, ['build', '-trimpath', '-o', 'partner', '.'], built, { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }),
};

export const partner = {
  name: 'partner',
  columns: ['go-spiffe'],
  async judge(results, trial, tell) {
    const { missing, command } = await builtFrom(PARTNER, tell);
    if (missing !== undefined) {
      results.skipped('go-spiffe', missing);
      return;
    }
    const port = await freePort();
    const mandate = await trial.installation(webSettings(port));
    const caFile = await openWebEndpoint(mandate, port);
    await mandate.rule('launched', { id: '/agent/{user}' });
    await results.cell('go-spiffe', 'endpointRead', () => readByPartner(trial, mandate, command, `${issuerAt(port)}/bundle`, caFile));
    await results.cell('go-spiffe', 'endpointPolled', () => polledByUs(trial, mandate, command));
  },
};

/** It polls our endpoints every second, by both profiles: what it has is what we publish, before and after an authority was changed. */
async function readByPartner(trial, mandate, command, webUrl, caFile) {
  const poll = (profile, url, proof) =>
    trial.start(`partner ${profile}`, [...command, 'poll', mandate.trustDomain, url, profile, proof], mandate);
  const byWeb = poll('https_web', webUrl, caFile);
  const bySpiffe = poll('https_spiffe', mandate.bundleUrl, `spiffe://${mandate.trustDomain}/mandate/server`);
  bySpiffe.input(JSON.stringify(await bundleDocument(mandate)));

  const reads = async (x509) => {
    const { keys, spiffe_sequence: sequence } = await bundleDocument(mandate);
    same(keys.filter(({ use }) => use === 'x509-svid').length, x509, 'X.509 authorities of ours');
    for (const one of [byWeb, bySpiffe]) {
      const line = await one.until(({ event, sequence: seen }) => event === 'bundle' && seen >= sequence, 0, `sequence ${sequence}`);
      same([line.x509, line.jwt], [x509, keys.length - x509], 'authorities it read');
    }
  };
  await reads(1);
  const first = await active(mandate);
  await mandate.mandate('ca', 'prepare', 'x509');
  await reads(2);
  await mandate.mandate('ca', 'rotate', 'x509');
  while ((await active(mandate)) === first) await new Promise((resolve) => setTimeout(resolve, 200));
  // From here on the endpoint shows an SVID of the second root, which the partner knows by its polls alone.
  await mandate.mandate('ca', 'taint', first, '-y');
  await mandate.mandate('ca', 'revoke', first, '-y');
  await reads(1);
  const errors = [byWeb, bySpiffe].flatMap(({ events }) => events.filter(({ event }) => event === 'error'));
  same(errors, [], 'polls that failed');
}

const active = async (mandate) => {
  const { authorities } = await mandate.json('ca', 'show');
  return authorities.find(({ kind, stage }) => kind === 'x509' && stage === 'active').keyId;
};

/** We poll its endpoint by both profiles; an agent knows its tokens as soon as a rule names it, and no longer. */
async function polledByUs(trial, mandate, command) {
  for (const profile of ['https_spiffe', 'https_web']) {
    const domain = `${profile.replace('https_', '')}.partner.example`;
    const folder = path.join(mandate.folder, domain);
    await mkdir(folder);
    const serving = trial.start(`partner ${domain}`, [...command, 'serve', domain, folder, profile], mandate);
    const { url, endpoint } = await serving.until(({ event }) => event === 'serving', 0, 'its endpoint');
    const file = (name) => path.join(folder, name);
    const proof = profile === 'https_spiffe' ? ['--endpoint-id', endpoint, '--bundle', file('bundle.json')] : ['--ca', file('web-ca.pem')];
    await mandate.mandate('federation', 'add', domain, '--url', url, '--profile', profile, ...proof);
    const known = async (x509, sequence) => {
      await mandate.mandate('federation', 'refresh', domain);
      const { relationships } = await mandate.json('federation', 'ls');
      const { state, x509Authorities, jwtAuthorities, sequence: seen } = relationships.find(({ trustDomain }) => trustDomain === domain);
      same([state, x509Authorities, jwtAuthorities, seen], ['current', x509, 1, String(sequence)], `${domain} as we know it`);
    };
    await known(1, 1);
    await obeyed(serving, 'prepare');
    await known(2, 2);
    await obeyed(serving, 'retire');
    // Its endpoint shows an SVID of the second authority now, which we know by the poll before.
    await known(1, 3);

    const { token } = await order(serving, `token ${AUDIENCE}`, 'token');
    const asked = () => validated(trial, mandate, command, token);
    await mandate.federate('launched', [domain]);
    same(await asked(), { event: 'valid', id: `spiffe://${domain}/caller` }, 'a token of the partner');
    await mandate.federate('launched', []);
    same((await asked()).code, 'InvalidArgument', 'its token where no rule names the partner');
    await mandate.mandate('federation', 'rm', domain, '-y');
    await serving.end();
  }
}

async function validated(trial, mandate, command, token) {
  const asking = trial.start('partner validate', mandate.launch('validate', [...command, 'validate', AUDIENCE]), mandate);
  asking.input(token);
  const { event, id, code } = await asking.until(({ event: said }) => said === 'valid' || said === 'failed', 0, 'an answer');
  return event === 'valid' ? { event, id } : { event, code };
}

function order(watcher, text, event) {
  const from = watcher.mark();
  watcher.tell(text);
  return watcher.until((line) => line.event === event, from, text);
}

const obeyed = (watcher, text) => order(watcher, text, 'obeyed');
