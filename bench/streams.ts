import { type Figure, figure, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';
import { residentMb } from './processes';

const PROCESSES = 100;
const [FEW, MANY] = [10, 100];
const ROTATIONS = 3;
/** What the server's clock is set ahead by (observed.ts). */
const AHEAD_MS = 8 * 24 * 3600 * 1000;

interface Round {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** How long changes take to reach streams that are open. */
export async function streams(tools: Tools): Promise<readonly Figure[]> {
  return [...(await bundleChange(tools)), ...(await rotation(tools))];
}

/** 1,000 streams of 100 processes: from the making of the later successor until the last stream has the bundle with it. */
async function bundleChange({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const clients = await watching(mandate, client, FEW);
    process.kill(await mandate.pid('server'), 'SIGWINCH');
    const last = Math.max(...(await heard(clients, 1)).map(({ lastMs }) => lastMs));
    const { made } = await mandate.query<{ made: number }>(
      'SELECT extract(epoch FROM max(prepared_at))::float8 * 1000 AS made FROM authority',
    );
    return [figure('bundle change on 1,000 open streams', last - (made - AHEAD_MS), 'ms', { most: 300 }, 'making of the keys included')];
  } finally {
    await mandate.end();
  }
}

/** 10,000 streams of 100 processes get new SVIDs at once, since their rule changed. */
async function rotation({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const clients = await watching(mandate, client, MANY);
    const node = await mandate.pid('node');
    const took: number[] = [];
    let memory = residentMb(node);
    for (let round = 1; round <= ROTATIONS; round++) {
      await mandate.admitAll(`${15 + round}m`);
      const rounds = await heard(clients, round);
      took.push(Math.max(...rounds.map(({ lastMs }) => lastMs)) - Math.min(...rounds.map(({ firstMs }) => firstMs)));
      memory = Math.max(memory, residentMb(node));
    }
    return [
      figure(
        'new SVIDs on 10,000 open streams, first to last',
        Math.max(...took),
        'ms',
        { most: 1000 },
        `longest of ${took.map(shown).join(' ')}`,
      ),
      figure('memory of the node meanwhile', memory, 'MB', { most: 300 }, '100 processes with 100 streams each'),
    ];
  } finally {
    await mandate.end();
  }
}

async function watching(mandate: Mandate, client: string, streams: number): Promise<readonly Client[]> {
  const clients = Array.from({ length: PROCESSES }, () => new Client(mandate.spawn(client, ['watch', String(streams)])));
  await Promise.all(clients.map((one) => one.says('waiting')));
  for (const one of clients) one.go();
  await heard(clients, 0);
  return clients;
}

const heard = (clients: readonly Client[], round: number): Promise<readonly Round[]> =>
  Promise.all(clients.map((one) => one.says<Round>(`round${round}`)));
