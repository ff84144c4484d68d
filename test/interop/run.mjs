// `make interop`: foreign SPIFFE clients, each from its own registry and unchanged, judge a running Mandate. See README.md.
import { envoy } from './envoy/part.mjs';
import { libraries } from './libraries/part.mjs';
import { partner } from './partner/part.mjs';
import { Results } from './results.mjs';
import { samples } from './samples.mjs';
import { tools } from './tools/part.mjs';
import { Trial } from './trial.mjs';

/**
 * One after the other, each with installations of its own: {name, columns, judge}. `columns` are the clients it adds to the table;
 * `judge(results, trial, tell)` writes their cells. INTEROP_ONLY names some of them, with commas.
 */
const PARTS = [libraries, samples, partner, tools, envoy];

const tell = (text) => process.stderr.write(`${text}\n`);
const wanted = process.env.INTEROP_ONLY?.split(',');
const unknown = wanted?.filter((name) => !PARTS.some((part) => part.name === name)) ?? [];
if (unknown.length > 0) {
  tell(`INTEROP_ONLY: no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const parts = PARTS.filter(({ name }) => wanted === undefined || wanted.includes(name));
const results = new Results({ partial: parts.length < PARTS.length, tell });
let current;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => void Promise.resolve(current?.end()).finally(() => process.exit(130)));
}

const began = Date.now();
for (const { columns } of parts) results.columns(columns);
for (const { name, columns, judge } of parts) {
  tell(`${name}:`);
  current = new Trial();
  try {
    await judge(results, current, tell);
  } catch (error) {
    for (const client of columns) results.unreached(client, error.message);
    process.exitCode = 1;
  } finally {
    await current.end();
  }
}
const [ok, failed, skipped, none] = ['ok', 'failed', 'skipped', 'n/a'].map((state) => results.count(state));
process.stdout.write(`\n${results.text()}`);
process.stdout.write(
  `${ok} held, ${failed} did not, ${skipped} skipped, ${none} do not apply; ${Math.round((Date.now() - began) / 1000)} s\n`,
);
if (ok === 0 || failed > 0 || (skipped > 0 && process.env.INTEROP_ALLOW_SKIP !== '1')) process.exitCode = 1;
