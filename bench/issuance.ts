import { randomBytes } from 'node:crypto';
import { encodeEvidence } from '../src/domain/evidence';
import { openServerLink, type ServerLink } from '../src/node/server-link';
import { generateAgentKey } from '../src/node/agent-key';
import { bootId } from '../src/system/process-key';
import { systemClock } from '../src/system/clock';
import { systemRandom } from '../src/system/random';
import { type Figure, figure, shown } from './figure';
import { cpuMs, familyCpuMs } from './processes';
import { silent, startServerAlone } from './server-alone';
import { signatureMicroseconds } from './signature';
import { median } from './thread-cpu';

const PROCESSES = 100;
const IN_FLIGHT = 64;
const ROUNDS = 7;
const WARM_UP = 4_000;
const PER_ROUND = 8_000;
const RULES = 20;
const MOST_SIGNATURES = 9;

/**
 * What a durably recorded X509-SVID costs server and PostgreSQL together, NodeLink included. This process is the node: its own work and
 * the keys of the agents are not counted.
 */
export async function issuance(): Promise<readonly Figure[]> {
  const server = await startServerAlone(rules());
  let link: ServerLink | undefined;
  try {
    link = await linked(server.layout.linkSocket);
    const processes = evidenceOfMany();
    await issueMany(link, processes, WARM_UP);
    const rounds: { readonly sigs: number; readonly micros: number; readonly server: number; readonly perSecond: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = await signatureMicroseconds();
      const cpu = () => [cpuMs(server.pid), familyCpuMs(server.postmaster)] as const;
      const [[server0, database0], began] = [cpu(), performance.now()];
      await issueMany(link, processes, PER_ROUND);
      const [seconds, [server1, database1]] = [(performance.now() - began) / 1000, cpu()];
      const signature = (before + (await signatureMicroseconds())) / 2;
      const micros = ((server1 - server0 + database1 - database0) * 1000) / PER_ROUND;
      rounds.push({ sigs: micros / signature, micros, server: ((server1 - server0) * 1000) / PER_ROUND, perSecond: PER_ROUND / seconds });
    }
    const sigs = rounds.map((round) => round.sigs);
    const of = (field: 'micros' | 'server' | 'perSecond') => shown(median(rounds.map((round) => round[field])));
    const basis = `median of ${sigs.map((one) => one.toFixed(1)).join(' ')}; ${of('micros')} µs, of them ${of('server')} in the server; ${of('perSecond')}/s`;
    return [figure('CPU of server and PostgreSQL per recorded X509-SVID', median(sigs), 'sig', { most: MOST_SIGNATURES }, basis)];
  } finally {
    link?.close();
    await server.end();
  }
}

/** Twenty rules, of which one matches. */
function rules(): string {
  const rule = (name: string, match: string) =>
    `apiVersion: mandate/v1\nkind: Rule\nname: ${name}\nmatch: { ${match} }\nissue: { id: /bench/${name}, x509: { ttl: 15m } }\n`;
  const others = Array.from({ length: RULES - 1 }, (_, i) =>
    rule(`other-${i}`, `user.name: nobody-${i}, binary.path: /usr/bin/program-${i}`),
  );
  return [...others, rule('all', 'user.name: bench')].join('---\n');
}

function linked(socket: string): Promise<ServerLink> {
  return new Promise((resolve) => {
    const hello = () =>
      ({
        case: 'hello',
        value: {
          nodeVersion: '0.0.0',
          bootId: bootId(),
          machineId: 'bench',
          hostname: 'bench',
          os: 'Linux',
          kernel: '',
          uid: 0,
          allUsers: true,
        },
      }) as const;
    const handlers = { welcome: () => resolve(link), message: () => undefined, lost: () => undefined };
    const link = openServerLink(socket, hello, handlers, systemClock, systemRandom, silent);
  });
}

/** Evidence of processes with as many facts as real ones have. */
function evidenceOfMany(): readonly EvidenceName[] {
  return Array.from({ length: PROCESSES }, (_, index) => {
    const fact = (type: string, value: string, assurance: 'observed' | 'measured' = 'observed') => ({ type, value, assurance });
    const { bytes, digest } = encodeEvidence({
      v: 1,
      salt: randomBytes(16).toString('hex'),
      processKey: `${bootId()}:${2 ** 40 + index}`,
      pid: 100_000 + index,
      uid: 1000,
      gid: 1000,
      startTicks: String(1_000_000 + index),
      facts: [
        ...['uid', 'gid', 'name', 'group'].map((name) =>
          fact(`user.${name}`, name === 'name' ? 'bench' : name === 'group' ? 'bench' : '1000'),
        ),
        ...Array.from({ length: 6 }, (_, group) => fact('user.groups', String(100 + group))),
        fact('binary.path', '/usr/local/bin/agent', 'measured'),
        fact('binary.sha256', 'ab'.repeat(32), 'measured'),
        ...['deleted', 'writable'].map((name) => fact(`binary.${name}`, 'false')),
        ...['name', 'machine_id', 'boot_id', 'os', 'kernel'].map((name) => fact(`host.${name}`, `value of ${name}`)),
        fact('process.parent', '/usr/bin/bash'),
        ...['/usr/bin/bash', '/usr/bin/tmux', '/usr/lib/systemd/systemd'].map((exe) => fact('process.ancestor', exe)),
        fact('cgroup.path', '/user.slice/user-1000.slice/session-3.scope'),
      ],
      ancestors: [],
      chainEnd: 'init',
      gaps: [],
    });
    return { digest: Buffer.from(digest, 'hex'), canonical: bytes, viaProcessKey: '' };
  });
}

/** Evidence as a node names it: whole until the first answer. */
interface EvidenceName {
  readonly digest: Buffer;
  canonical: Buffer;
  readonly viaProcessKey: string;
}

async function issueMany(link: ServerLink, processes: readonly EvidenceName[], count: number): Promise<void> {
  const keys = Array.from({ length: IN_FLIGHT }, () => generateAgentKey().point);
  let started = 0;
  const worker = async (slot: number) => {
    while (started < count) {
      const evidence = processes[started++ % processes.length]!;
      await link.ask({ case: 'x509', value: { evidence, publicKey: keys[slot]!, spiffeId: '' } }, 'x509');
      evidence.canonical = Buffer.alloc(0);
    }
  };
  await Promise.all(keys.map((_, slot) => worker(slot)));
}
