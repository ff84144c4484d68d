// Second part of `make interop`: the Go and Python samples of examples/services as services, called by agents of a running Mandate.
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { Mandate } from './mandate.mjs';
import { Results, same } from './results.mjs';
import { foreignServices } from './toolchains.mjs';
import { Watcher } from './watcher.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const AUDIENCE = 'https://sample.example';
const CALL_MS = 60_000;

const tell = (text) => process.stderr.write(`${text}\n`);
const mandate = new Mandate();
const running = [];
const ports = new Map();
const environment = () => ({ ...mandate.env(), MANDATE_STATE: mandate.state, SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi });
const idOf = (name) => `spiffe://${mandate.trustDomain}/sample/${name}`;

/** How an agent calls each of them: by mutual TLS, or with a token that never stands in an argument. */
const CALLS = {
  'go-spiffe': (port) => [
    process.execPath,
    path.join(root, 'dist/examples/services/typescript/call.js'),
    `https://localhost:${port}`,
    idOf('service'),
  ],
  'py-spiffe': (port) => [
    '/bin/sh',
    '-c',
    `printf 'Authorization: Bearer %s' "$(${root}/bin/mandate svid --jwt --audience ${AUDIENCE})" | curl -s -H @- http://localhost:${port}/`,
  ],
};

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, 'localhost', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** What an agent of this name gets for an answer; an error counts as none. */
function called(name, client) {
  const [program, ...args] = mandate.launch(name, CALLS[client.name](ports.get(client)));
  return new Promise((resolve) => execFile(program, args, { env: environment(), timeout: CALL_MS }, (_error, stdout) => resolve(stdout)));
}

/** Waits until the port answers: what a service prints belongs to its library. */
async function listening(watcher, port) {
  const { connect } = await import('node:net');
  for (;;) {
    if (watcher.ended !== undefined) throw new Error(`${watcher.name} ended: ${watcher.ended}`);
    const answers = await new Promise((resolve) => {
      const probe = connect(port, 'localhost', () => resolve(true));
      probe.once('error', () => resolve(false));
      probe.once('close', () => probe.destroy());
      probe.once('connect', () => probe.end());
    });
    if (answers) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function judge(services) {
  const results = new Results(services);
  await mandate.up();
  await mandate.mandate('rules', 'apply', path.join(root, 'examples/services/rule.yaml'));
  await results.each('sample service starts', async (client) => {
    const port = await freePort();
    ports.set(client, port);
    const service = new Watcher(client.name, mandate.launch('service', [...client.command, idOf('caller'), String(port)]), environment());
    running.push(service);
    await listening(service, port);
  });
  await results.each('accepts the agent it names', async (client) => {
    same(await called('caller', client), `hello ${idOf('caller')}\n`, 'answer');
  });
  await results.each('refuses another agent', async (client) => {
    same(await called('other', client), client.name === 'go-spiffe' ? '' : 'refused\n', 'answer');
  });
  return results;
}

try {
  const results = await judge(await foreignServices(tell));
  process.stdout.write(`\n${results.text()}`);
  const [failed, skipped] = [results.count('FAILED'), results.count('skipped')];
  process.stdout.write(`${results.count('ok')} passed, ${failed} failed, ${skipped} skipped\n`);
  if (failed > 0 || (skipped > 0 && process.env.INTEROP_ALLOW_SKIP !== '1')) process.exitCode = 1;
} catch (error) {
  tell(`the samples could not be tried: ${error.message}`);
  process.exitCode = 1;
} finally {
  await Promise.all(running.map((service) => service.end()));
  await mandate.remove();
}
