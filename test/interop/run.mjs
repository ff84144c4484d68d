// `make interop`: foreign SPIFFE clients, each from its own registry and unchanged, judge a running Mandate. See README.md.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { curlFetches, keepBundle, opensslVerifies, spiffeBundleParses } from './documents.mjs';
import { Mandate } from './mandate.mjs';
import { Results, same } from './results.mjs';
import { foreignClients } from './toolchains.mjs';
import { Watcher } from './watcher.mjs';

const AUDIENCES = ['https://git.example', 'https://db.example', 'urn:third'];
const ROTATIONS = 3;

const tell = (text) => process.stderr.write(`${text}\n`);
const isUpdate = ({ event }) => event === 'x509';
const idsOf = ({ svids }) => svids.map(({ id }) => id);
const updates = (watcher) => watcher.events.filter(isUpdate);
const serialOf = (event) => event.svids[0].serial;

const mandate = new Mandate();
const running = new Set();
const launched = new Map();

/** A client process; `command` is how it is started. All of them are gone when this program ends. */
function start(name, command) {
  const watcher = new Watcher(name, command, { ...mandate.env(), SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi });
  running.add(watcher);
  return watcher;
}

const everyone = () => [...launched.values()].flat();

/** Both watching processes of a client. */
const pair = ({ name }) => launched.get(name);

/** Judges both at the same time: what one does while the other is waited for must not count as seen before. */
const both = (client, judge) => Promise.all(pair(client).map(judge));

/** The next update of a watcher that satisfies `wanted`. */
const update = (watcher, from, what, wanted = () => true) => watcher.until((line) => isUpdate(line) && wanted(line), from, what);

/**
 * Changes something and lets each client react. What counts comes after the mark, which is set before the change, or by the change itself
 * with `mark()` where only what follows its decisive moment may count.
 */
async function afterChange(results, scenario, change, react) {
  const marks = new Map();
  const mark = () => everyone().forEach((watcher) => marks.set(watcher, watcher.mark()));
  mark();
  await change(mark);
  await results.each(scenario, (client) => react(client, (watcher) => marks.get(watcher)));
}

async function startedBeforeItsRule(results, clients) {
  const early = new Map();
  for (const { name, command } of clients) early.set(name, start(`${name} early`, [...command, 'watch']));
  await results.each('no rule yet: PermissionDenied', async ({ name }) => {
    const { event, code } = await early.get(name).fetchAgain();
    same([event, code], ['refused', 'PermissionDenied'], 'fetch before the rule');
  });
  const programs = [...early.values()].map(({ pid }) =>
    createHash('sha256')
      .update(readFileSync(`/proc/${pid}/exe`))
      .digest('hex'),
  );
  await mandate.rule('early', { match: `  binary.sha256: [${programs.join(', ')}]`, id: '/early' });
  await results.each('rule applied: it has its SVID by itself', async ({ name }) => {
    const line = await update(early.get(name), 0, 'an update after the rule');
    same(idsOf(line), [`spiffe://${mandate.trustDomain}/early`], 'identity');
  });
  await mandate.disable('early');
  await Promise.all([...early.values()].map((watcher) => watcher.end()));
}

async function oneShotCalls(results) {
  await results.each('X509-SVID, JWT-SVIDs, bundles, validation', async (client) => {
    const fetching = start(`${client.name} fetch`, mandate.launch(`${client.name}-once`, [...client.command, 'fetch', ...AUDIENCES]));
    const seen = await fetching.until(({ event }) => event === 'fetched' || event === 'failed', 0, 'the one-shot calls');
    const domain = `spiffe://${mandate.trustDomain}`;
    same(seen.event, 'fetched', seen.text);
    same(idsOf(seen), [mandate.agentId], 'identities');
    same([Object.keys(seen.x509Bundles), Object.keys(seen.jwtBundles)], [[domain], [domain]], 'bundle keys');
    same([seen.one.id, seen.three.id, seen.validated, seen.offline], Array(4).fill(mandate.agentId), 'subjects');
    same([seen.one.audience, [...seen.three.audience].sort()], [AUDIENCES.slice(0, 1), [...AUDIENCES].sort()], 'audiences');
    same([seen.three.count, seen.wrongAudience], [1, 'InvalidArgument'], 'one token each; another audience does not validate');
    client.fetched = seen;
    await fetching.exited;
  });
}

async function rotations(results) {
  const baseline = new Map();
  await results.each('first update, first identity as expected', async (client) => {
    await both(client, async (watcher) => {
      same(idsOf(await update(watcher, 0, 'the first update')), [mandate.agentId], 'identity');
      // rust-spiffe's source connects once to synchronise and once more for the stream that it keeps.
      if (client.name === 'rust-spiffe') {
        let connections = 0;
        await watcher.until(({ event }) => event === 'connected' && ++connections === 2, 0, 'the second connection');
      }
      baseline.set(watcher, { connections: watcher.connections(), from: watcher.mark() });
    });
  });
  await results.each(`${ROTATIONS} rotations on one connection`, async (client) => {
    await both(client, async (watcher) => {
      const { from } = baseline.get(watcher);
      const serials = new Set([serialOf(updates(watcher)[0])]);
      const keys = new Set([updates(watcher)[0].svids[0].key]);
      for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
        const line = await update(watcher, from, `rotation ${rotation}`, (seen) => !serials.has(serialOf(seen)));
        serials.add(serialOf(line));
        keys.add(line.svids[0].key);
      }
      same(keys.size, ROTATIONS + 1, 'a fresh key at each rotation');
      same(watcher.connections(), baseline.get(watcher).connections, 'sockets before and after');
      const since = watcher.events.slice(from).map(({ event }) => event);
      same([...new Set(since)], ['x509'], 'what the client told meanwhile');
    });
  });
}

async function changingRules(results) {
  const second = `${mandate.agentId}/second`;
  await afterChange(
    results,
    'second identity added while streaming',
    () => mandate.rule('second', { id: '/agent/{user}/second', priority: -1 }),
    async (client, from) => {
      await both(client, async (watcher) => {
        const line = await update(watcher, from(watcher), 'an update with both', ({ svids }) => svids.length === 2);
        same(idsOf(line), [mandate.agentId, second], 'the default stays first');
      });
    },
  );
  await afterChange(
    results,
    'second identity removed while streaming',
    () => mandate.disable('second'),
    async (client, from) => {
      await both(client, async (watcher) => {
        const line = await update(watcher, from(watcher), 'an update with one', ({ svids }) => svids.length === 1);
        same(idsOf(line), [mandate.agentId], 'identities');
      });
    },
  );
  await afterChange(
    results,
    'every identity removed: PermissionDenied',
    () => mandate.disable('launched'),
    async (client) => {
      await both(client, async (watcher) => {
        const { event, code } = await watcher.fetchAgain();
        same([event, code], ['refused', 'PermissionDenied'], 'a fetch without an identity');
      });
    },
  );
  await afterChange(
    results,
    'identity returned: it has its SVID by itself',
    async () => {
      for (const watcher of everyone()) {
        const since = watcher.events.slice(watcher.events.findLastIndex(({ event }) => event === 'refused'));
        same(since.filter(isUpdate), [], `${watcher.name}: updates without an identity`);
      }
      await mandate.enable('launched');
    },
    async (client, from) => {
      await both(client, async (watcher) => same(idsOf(await update(watcher, from(watcher), 'an update')), [mandate.agentId], 'identity'));
    },
  );
}

async function restarts(results, bundleFile) {
  const agents = new Map();
  for (const watcher of everyone()) agents.set(watcher, (await mandate.json('who', String(watcher.pid))).agent?.id);
  const recovered = async (client, from) => {
    await both(client, async (watcher) => {
      const held = new Set(watcher.events.slice(0, from(watcher)).flatMap(({ svids = [] }) => svids.map(({ key }) => key)));
      const line = await update(watcher, from(watcher), 'an update after the restart');
      same(idsOf(line), [mandate.agentId], 'identity');
      same(held.has(line.svids[0].key), false, 'an old key was handed out again');
      same((await mandate.json('who', String(watcher.pid))).agent?.id, agents.get(watcher), 'the agent it belongs to');
    });
  };
  await afterChange(
    results,
    'node killed: it recovers, same agent, new key',
    async (mark) => {
      process.kill(await mandate.pid('node'), 'SIGKILL');
      mark();
    },
    recovered,
  );

  const connections = new Map();
  for (const watcher of everyone()) connections.set(watcher, watcher.connections());
  await afterChange(
    results,
    'server killed: the stream goes on and rotates',
    async (mark) => {
      process.kill(await mandate.pid('server'), 'SIGKILL');
      mark();
    },
    async (client, from) => {
      await both(client, async (watcher) => {
        const held = new Set(watcher.events.slice(0, from(watcher)).filter(isUpdate).map(serialOf));
        await update(watcher, from(watcher), 'a rotation after the kill', (line) => !held.has(serialOf(line)));
        same(watcher.connections(), connections.get(watcher), 'sockets before and after');
      });
    },
  );
  await afterChange(
    results,
    'down, then up: it recovers, same agent, new key',
    async (mark) => {
      await mandate.down();
      mark();
      same(mandate.listening, false, 'a socket was left behind');
      await mandate.up();
    },
    recovered,
  );
  await results.each('same bundle file after the restart (curl)', async (client) => {
    if (client.name !== 'go-spiffe') return { notApplicable: 'judged once, beside go-spiffe' };
    await curlFetches(mandate, bundleFile);
    return '';
  });
}

async function documents(results) {
  const bundleFile = await keepBundle(mandate);
  const once = (client, judge) => (client.name === 'go-spiffe' ? judge(client) : { notApplicable: 'judged once, beside go-spiffe' });
  await results.each('leaf verifies with openssl -x509_strict', (client) =>
    once(client, () => opensslVerifies(mandate, bundleFile, client.fetched.leaf)),
  );
  await results.each('bundle URL with curl; document with spiffebundle', (client) =>
    once(client, async () => spiffeBundleParses(mandate, client.command, await curlFetches(mandate, bundleFile))),
  );
  return bundleFile;
}

/** A key or serial that two processes were given, over everything that any of them ever received. */
async function neverShared(results) {
  await results.each('no key or serial in two processes', async (client) => {
    for (const field of ['key', 'serial']) {
      const owners = new Map();
      for (const watcher of running) {
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
    return `${new Set(pair(client).flatMap(updates).map(serialOf)).size} X509-SVIDs seen`;
  });
}

async function judge(clients) {
  const results = new Results(clients);
  const present = clients.filter(({ missing }) => missing === undefined);
  await mandate.up();
  await mandate.rule('launched', { id: '/agent/{user}' });
  await startedBeforeItsRule(results, present);
  for (const { name, command } of present) {
    launched.set(
      name,
      [1, 2].map((i) => start(`${name} ${i}`, mandate.launch(`${name}-${i}`, [...command, 'watch']))),
    );
  }
  await oneShotCalls(results);
  const bundleFile = await documents(results);
  await rotations(results);
  await changingRules(results);
  await restarts(results, bundleFile);
  await neverShared(results);
  return results;
}

async function cleanUp() {
  await Promise.all([...running].map((watcher) => watcher.end()));
  await mandate.remove();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
}

const began = Date.now();
try {
  const clients = await foreignClients(tell);
  const ready = Date.now();
  const results = await judge(clients);
  process.stdout.write(`\n${results.text()}`);
  const [failed, skipped] = [results.count('FAILED'), results.count('skipped')];
  const seconds = (ms) => `${Math.round(ms / 1000)} s`;
  process.stdout.write(`${seconds(Date.now() - ready)} against mandate, ${seconds(ready - began)} building\n`);
  process.stdout.write(`${results.count('ok')} passed, ${failed} failed, ${skipped} skipped\n`);
  if (failed > 0 || (skipped > 0 && process.env.INTEROP_ALLOW_SKIP !== '1')) process.exitCode = 1;
} catch (error) {
  tell(`interop could not be carried out: ${error.message}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
