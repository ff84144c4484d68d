import { type Figure, figure, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';

const PROCESSES = 100;
const CONNECTIONS = 10;
const STORMS = 3;

interface Lateness {
  readonly p99: number;
  readonly max: number;
}

/** 100 processes open 10 connections each at the same moment: how late the event loops get. */
export async function storm({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const seen: { server: Lateness; node: Lateness; ms: number; longest: number }[] = [];
    for (let round = 0; round < STORMS; round++) {
      const clients = Array.from({ length: PROCESSES }, () => new Client(mandate.spawn(client, ['storm', String(CONNECTIONS)])));
      await Promise.all(clients.map((one) => one.says('waiting')));
      await mandate.eventLoop('server');
      await mandate.eventLoop('node');
      const began = performance.now();
      for (const one of clients) one.go();
      const opened = await Promise.all(clients.map((one) => one.says<{ longestMs: number }>('opened')));
      const ms = performance.now() - began;
      seen.push({
        server: await mandate.eventLoop('server'),
        node: await mandate.eventLoop('node'),
        ms,
        longest: Math.max(...opened.map((one) => one.longestMs)),
      });
      for (const one of clients) one.finish();
      await Promise.all(clients.map((one) => one.ended()));
    }
    const worst = (name: 'server' | 'node') => Math.max(...seen.map((round) => round[name].p99));
    const basis = (name: 'server' | 'node') =>
      `worst of ${seen.map((round) => shown(round[name].p99)).join(' ')}, single maxima ${seen.map((round) => shown(round[name].max)).join(' ')}`;
    return [
      figure('storm of 1,000 connections, server loop p99', worst('server'), 'ms', { most: 20 }, basis('server')),
      figure(
        'storm of 1,000 connections, node loop p99',
        worst('node'),
        'ms',
        { most: 50 },
        `${basis('node')}; all served in ${seen.map((round) => shown(round.ms)).join(' ')} ms`,
      ),
    ];
  } finally {
    await mandate.end();
  }
}
