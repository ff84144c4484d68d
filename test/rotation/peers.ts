import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Installation, MANDATE } from '../running/installation';
import { until } from '../supervision/until';

/** A certificate that a peer was given: when, and when it ends. */
export interface Leaf {
  readonly atMs: number;
  readonly endsMs: number;
}

/** A handshake that did not end in an answer: why, when, and when the certificates of both ends end; that of the service where it was seen. */
export interface Failure {
  readonly why: string;
  readonly atMs: number;
  readonly endsMs: number;
  readonly serviceEndsMs?: number;
}

interface Line {
  readonly port?: number;
  readonly ready?: true;
  readonly accepted?: number;
  readonly failed?: number;
  readonly failure?: Failure;
  readonly broken?: string;
  readonly leaf?: Leaf;
  readonly notRead?: string;
}

/** peer.js as an agent of its own, started by `mandate run`, and what it said. */
class Peer {
  accepted = 0;
  failed = 0;
  notRead = 0;
  port: number | undefined;
  ready = false;
  leaf: Leaf | undefined;
  readonly failures: Failure[] = [];
  readonly faults: string[] = [];
  readonly #child: ChildProcess;

  constructor(installation: Installation, name: string, args: readonly string[], user: string) {
    const argv = ['run', '--name', name, '--', process.execPath, path.join(__dirname, 'peer.js'), ...args];
    this.#child = installation.spawn(MANDATE, argv, { env: { ROTATION_USER: user }, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#heard(JSON.parse(line) as Line));
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  end(): void {
    this.#child.stdin!.end();
  }

  #heard(line: Line): void {
    if (line.port !== undefined) this.port = line.port;
    if (line.ready) this.ready = true;
    if (line.notRead !== undefined) this.notRead++;
    if (line.accepted !== undefined) this.accepted = line.accepted;
    if (line.failed !== undefined) this.failed = line.failed;
    if (line.failure !== undefined) this.failures.push(line.failure);
    if (line.broken !== undefined) this.faults.push(`a handshake broke at a service: ${line.broken}`);
    if (line.leaf !== undefined) this.leaf = line.leaf;
  }
}

/** Started so many at once: each takes a processor while it starts. */
const AT_ONCE = 4;

export interface Counts {
  readonly accepted: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  readonly faults: readonly string[];
}

/** Agents that open connections to services, each an agent of its own with a process of its own. */
export class Peers {
  readonly #agents: Peer[] = [];
  readonly #services: Peer[] = [];

  constructor(
    private readonly installation: Installation,
    private readonly user: string,
  ) {}

  /** Services that trust the stream of the Workload API and, two of five, only the bundle endpoint. */
  async start(agents: number, services: number, perSecond: number, bundleUrl: string): Promise<void> {
    const trusts = Array.from({ length: services }, (_, index) => (index % 5 < 3 ? ['stream'] : ['endpoint', bundleUrl]));
    await this.#all(
      trusts,
      this.#services,
      (trust, n) => [`service-${n}`, ['service', ...trust]],
      ({ port }) => port !== undefined,
    );
    const ports = this.#services.map(({ port }) => String(port));
    const everyMs = String(Math.floor((1000 * agents) / perSecond));
    const each = Array.from({ length: agents }, () => ['agent', everyMs, ...ports]);
    await this.#all(
      each,
      this.#agents,
      (args, n) => [`agent-${n}`, args],
      ({ ready }) => ready,
    );
  }

  async #all<T>(
    wishes: readonly T[],
    into: Peer[],
    wish: (one: T, index: number) => readonly [string, readonly string[]],
    done: (peer: Peer) => boolean,
  ): Promise<void> {
    for (let at = 0; at < wishes.length; at += AT_ONCE) {
      for (const [offset, one] of wishes.slice(at, at + AT_ONCE).entries()) {
        const [name, args] = wish(one, at + offset);
        into.push(new Peer(this.installation, name, args, this.user));
      }
      await until('peers to start', () => {
        if (into.some(({ alive }) => !alive)) throw new Error('a peer ended');
        return into.every(done);
      });
    }
  }

  get counts(): Counts {
    const all = [...this.#agents, ...this.#services];
    const sum = (of: (peer: Peer) => number) => all.reduce((total, peer) => total + of(peer), 0);
    const ended = all.filter(({ alive }) => !alive).map(() => 'a peer ended');
    return {
      accepted: sum(({ accepted }) => accepted),
      failed: sum(({ failed }) => failed),
      failures: all.flatMap(({ failures }) => failures),
      faults: [...ended, ...all.flatMap(({ faults }) => faults)],
    };
  }

  /** Each peer's certificate of now. */
  get leaves(): readonly Leaf[] {
    return [...this.#agents, ...this.#services].flatMap(({ leaf }) => leaf ?? []);
  }

  end(): void {
    for (const peer of [...this.#agents, ...this.#services]) peer.end();
  }
}
