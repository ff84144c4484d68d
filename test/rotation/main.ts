import { userInfo } from 'node:os';
import type { AuthoritiesAnswer, AuthorityItem } from '../../src/domain/authority-answers';
import type { StatusAnswer } from '../../src/domain/answers';
import { Installation, SCRIPTED } from '../running/installation';
import { until } from '../supervision/until';
import { Absences } from './absences';
import { Peers } from './peers';

/**
 * `make test-rotation`: agents and services in mutual TLS, each connection a full handshake, while authorities of a minute replace each other by the
 * clock; then, with leaves of half a minute, rotations by order with the server killed in each stage. Nothing may fail, and nothing is tried twice.
 * A server is killed only while no certificate is overdue: each was renewed, or is not due yet. Kills without a pause keep a server away for
 * longer than what is left of a certificate, and of one that has ended nobody may accept anything.
 * ROTATION_SECONDS changes how long the first part lasts, ROTATION_KILLS how many rotations are killed, ROTATION_AGENTS how many agents there are.
 */
const AGENTS = Number(process.env['ROTATION_AGENTS'] ?? 50);
const SERVICES = 5;
const PER_SECOND = 80;
const SECONDS = Number(process.env['ROTATION_SECONDS'] ?? 300);
const KILLS = Number(process.env['ROTATION_KILLS'] ?? 20);
/** Required of each second of the first part: 18,000 in 300. */
const LEAST_PER_SECOND = 60;
const BRIEF_SECONDS = 60;
/** So that a leaf has more left when it is overdue than a server takes to come back on a machine that is busy with all this. */
const KILLED_SECONDS = 180;
/** Part of its life after which a certificate is overdue: half, a tenth of that more, and the moment that a renewal takes. */
const OVERDUE = 0.6;
/** Width of the interval that the moment of a kill is drawn from. */
const SPREAD_MS = 400;

const configOf = (lifetimeSeconds: number): string => `${SCRIPTED}
authorities: { x509: { lifetime: ${lifetimeSeconds}s }, jwt: { lifetime: ${lifetimeSeconds}s }, propagation: 7s }
bundle: { refresh_hint: 5s }
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Rotating {
  readonly absences = new Absences();

  constructor(
    readonly installation: Installation,
    readonly peers: Peers,
  ) {}

  async authorities(): Promise<readonly AuthorityItem[]> {
    return (await this.installation.json<AuthoritiesAnswer>('ca', 'show')).authorities.filter(({ kind }) => kind === 'x509');
  }

  readonly activations = async (sinceMs: number): Promise<number> =>
    (await this.authorities()).filter(({ activated }) => activated !== null && Date.parse(activated) >= sinceMs).length;

  /** Ends the server as a power cut would, once no certificate is overdue, and waits until another one serves. */
  async kill(): Promise<void> {
    const pid = await until('a server', () => this.#server());
    await until('no certificate to be overdue', () =>
      this.peers.leaves.every(({ atMs, endsMs }) => Date.now() < atMs + (endsMs - atMs) * OVERDUE),
    );
    this.absences.begin(Date.now());
    process.kill(pid, 'SIGKILL');
    await until('another server', async () => {
      const next = await this.#server();
      return next !== undefined && next !== pid;
    });
    this.absences.end(Date.now());
  }

  async #server(): Promise<number | undefined> {
    const { code, stdout } = await this.installation.mandate(['status', '-o', 'json']);
    if (code !== 0) return undefined;
    const { ready, parts } = JSON.parse(stdout) as StatusAnswer;
    return ready ? (parts.find(({ name }) => name === 'server')?.pid ?? undefined) : undefined;
  }
}

/** One rotation by order, with a kill just after it was ordered, one about when the successor takes over, and one after that. */
async function killedRotation(rotating: Rotating): Promise<number> {
  const { installation } = rotating;
  await installation.json('ca', 'rotate', 'x509');
  const keyId = await until('a successor', async () => (await rotating.authorities()).find(({ stage }) => stage === 'prepared')?.keyId);
  const successor = async () => (await rotating.authorities()).find((item) => item.keyId === keyId)!;
  await pause(Math.random() * SPREAD_MS);
  await rotating.kill();
  const { ready } = await successor();
  await pause(Math.max(0, Date.parse(ready ?? '') - Date.now() || 0) + Math.random() * SPREAD_MS * 4);
  await rotating.kill();
  await until('the successor to take over', async () => (await successor()).stage !== 'prepared');
  await rotating.kill();
  const { stage } = await successor();
  if (stage !== 'active' && stage !== 'retired') throw new Error(`the successor is ${stage}`);
  return 3;
}

/** Agents and services under authorities of this lifetime, for as long as `go` takes; what failed meanwhile is told and noted. */
async function withPeers(lifetimeSeconds: number, failures: string[], go: (rotating: Rotating) => Promise<void>): Promise<void> {
  const installation = await Installation.start(undefined, configOf(lifetimeSeconds));
  const peers = new Peers(installation, userInfo().username);
  try {
    const rotating = new Rotating(installation, peers);
    const { bundleUrl } = await installation.json<StatusAnswer & Record<string, unknown>>('status');
    await peers.start(AGENTS, SERVICES, PER_SECOND, bundleUrl);
    say(`${AGENTS} agents and ${SERVICES} services; authorities of ${lifetimeSeconds} s, leaves of ${lifetimeSeconds / 6} s`);
    await go(rotating);
    const { failed, failures: each, faults } = peers.counts;
    for (const failure of each) say(`  ${rotating.absences.told(failure)}`);
    for (const fault of [...new Set(faults)]) say(`  ${faults.filter((one) => one === fault).length} × ${fault}`);
    if (failed > 0 || each.length > 0 || faults.length > 0) failures.push('handshakes failed');
  } finally {
    peers.end();
    await installation.end();
  }
}

async function byTheClock({ peers, activations }: Rotating, failures: string[]): Promise<void> {
  const [fromMs, before] = [Date.now(), peers.counts];
  await pause(SECONDS * 1000);
  const counts = peers.counts;
  const accepted = counts.accepted - before.accepted;
  const rotations = await activations(fromMs);
  say(`by the clock: ${SECONDS} s, ${rotations} rotations, ${accepted} handshakes, ${counts.failed} failed`);
  if (accepted < LEAST_PER_SECOND * SECONDS) failures.push(`fewer than ${LEAST_PER_SECOND * SECONDS} handshakes`);
  if (rotations < Math.min(5, Math.floor(SECONDS / BRIEF_SECONDS))) failures.push('too few rotations');
}

async function byOrder(rotating: Rotating): Promise<void> {
  const before = rotating.peers.counts;
  let kills = 0;
  for (let turn = 0; turn < KILLS; turn++) kills += await killedRotation(rotating);
  await pause(1000);
  const { accepted, failed } = rotating.peers.counts;
  say(
    `by order: ${KILLS} rotations, server killed ${kills} times, ${accepted - before.accepted} handshakes, ${failed - before.failed} failed`,
  );
  say(`the server was away for ${rotating.absences.summary()}`);
}

async function main(): Promise<void> {
  const failures: string[] = [];
  await withPeers(BRIEF_SECONDS, failures, (rotating) => byTheClock(rotating, failures));
  await withPeers(KILLED_SECONDS, failures, byOrder);
  for (const failure of failures) say(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

void main();
