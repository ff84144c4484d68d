import { type Figure, figure, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';
import { residentMb } from './processes';

const PROCESSES = 500;
const CONNECTIONS = 10;
/** Started so many at a time: what is measured is what the node holds, not how fast programs start. */
const AT_ONCE = 25;

/** 500 processes hold 10 connections each, with a stream on every one: what that costs the node in memory. */
export async function connections({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const idle = residentMb(await mandate.pid('node'));
    for (let started = 0; started < PROCESSES; started += AT_ONCE) {
      const clients = Array.from({ length: AT_ONCE }, () => new Client(mandate.spawn(client, ['storm', String(CONNECTIONS)])));
      await Promise.all(clients.map((one) => one.says('waiting')));
      for (const one of clients) one.go();
      await Promise.all(clients.map((one) => one.says('opened')));
    }
    const node = residentMb(await mandate.pid('node'));
    const each = ((node - idle) * 1024) / (PROCESSES * CONNECTIONS);
    return [figure('memory of the node, 5,000 connections of 500 processes', node, 'MB', { most: 300 }, `${shown(each)} kB a connection`)];
  } finally {
    await mandate.end();
  }
}
