import { type Figure, figure, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';
import { cpuMs, familyCpuMs } from './processes';

const PROCESSES = 100;
const WARM_MS = 4_000;
const MEASURED_MS = 15_000;
const LIFETIME = '2s';

interface Counters {
  readonly credentials: string;
  readonly x509: string;
  readonly fsyncs: string;
}

/** Fresh JWT-SVIDs for 100 processes while the X509-SVIDs of the same 100 rotate at lifetimes of two seconds. */
export async function throughput({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll(LIFETIME);
    const clients = Array.from({ length: PROCESSES }, () => new Client(mandate.spawn(client, ['load', '1'])));
    await Promise.all(clients.map((one) => one.says('waiting')));
    for (const one of clients) one.go();
    await pause(WARM_MS);
    const pids = { server: await mandate.pid('server'), node: await mandate.pid('node'), database: await mandate.pid('database') };
    const cpu = () => ({ server: cpuMs(pids.server), node: cpuMs(pids.node), database: familyCpuMs(pids.database) });
    const counters = () =>
      mandate.query<Counters>(
        `SELECT count(*) AS credentials, count(*) FILTER (WHERE kind = 'x509-svid') AS x509,
           (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal') AS fsyncs FROM credential`,
      );
    const [before, cpuBefore, began] = [await counters(), cpu(), performance.now()];
    await pause(MEASURED_MS);
    const [cpuAfter, seconds, after] = [cpu(), (performance.now() - began) / 1000, await counters()];
    for (const one of clients) one.finish();
    const said = await Promise.all(clients.map((one) => one.says<{ failed: number; why: string }>('jwt')));
    const failed = said.reduce((sum, one) => sum + one.failed, 0);
    const issued = Number(after.credentials) - Number(before.credentials);
    const x509 = Number(after.x509) - Number(before.x509);
    const fsyncs = Number(after.fsyncs) - Number(before.fsyncs);
    const cores = (name: keyof typeof cpuAfter) => shown((cpuAfter[name] - cpuBefore[name]) / 1000 / seconds);
    const basis =
      `${shown(x509 / seconds)}/s by rotation, ${shown(fsyncs / issued)} fsyncs an issuance, ` +
      `cores: server ${cores('server')} node ${cores('node')} database ${cores('database')}` +
      (failed > 0 ? `; ${failed} failed: ${said.find((one) => one.failed > 0)!.why}` : '');
    const rate = figure('durable issuances end to end', issued / seconds, '/s', { least: 1300 }, basis);
    return [{ ...rate, passed: rate.passed && failed === 0 && x509 / seconds >= PROCESSES / 2 }];
  } finally {
    await mandate.end();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
