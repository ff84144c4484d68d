import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Running } from '../supervision/running';
import { until } from '../supervision/until';
import { Followed } from './oracle';

/** X509-SVIDs that live two seconds, so that every agent rotates each second. */
export const SHORT_LIVED = `apiVersion: mandate/v1
kind: Rule
name: launched
match:
  launch.id: "*"
issue:
  id: /agent/{user}
  x509: { ttl: 2s }
  jwt: { ttl: 5m, audiences: "*" }
`;

export interface LoadOptions {
  readonly agents: number;
  readonly jwtEveryMs: number;
  /** A program with agent.js's arguments. */
  readonly program: readonly string[];
}

/** Of each request of an agent, of either program: what nobody ends before lasts as long. */
export const DEADLINE_MS = 20_000;

export const NODE_AGENT: readonly string[] = [process.execPath, path.join(__dirname, 'agent.js')];

/** Agents that hold an X.509 stream and ask for JWT-SVIDs until they are ended; all members of one launch, each a process of its own. */
export class Load {
  readonly followed: Followed;
  readonly #driver: ChildProcess;
  readonly #flight: number;
  #stderr = '';

  private constructor(
    readonly folder: string,
    readonly options: LoadOptions,
    running: Running,
  ) {
    this.followed = new Followed(folder, options.agents);
    this.#flight = openSync(path.join(folder, 'flight'), 'r');
    const agent = [...options.program, 'drive', folder, String(options.agents), String(options.jwtEveryMs)];
    this.#driver = running.spawn(running.program, ['run', '--name', 'faults', '--', ...agent], ['pipe', 'inherit', 'pipe']);
    this.#driver.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-2000)));
  }

  /** Starts them and waits until each has a credential of both kinds. */
  static async start(
    running: Running,
    options: LoadOptions,
    folder: string = path.join(path.dirname(running.state), 'load'),
  ): Promise<Load> {
    rmSync(folder, { recursive: true, force: true });
    for (const name of ['', 'oracle', 'asks']) mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, 'flight'), Buffer.alloc(options.agents * 16));
    const load = new Load(folder, options, running);
    await load.progress({ x509: 1, jwt: 1 }, 120_000);
    return load;
  }

  /** Requests begun and not ended, by the agents' own count. */
  inFlight(): number {
    const slots = Buffer.alloc(this.options.agents * 16);
    readSync(this.#flight, slots, 0, slots.length, 0);
    let under = 0;
    for (let at = 0; at < slots.length; at += 16) under += Number(slots.readBigUInt64LE(at) - slots.readBigUInt64LE(at + 8));
    return under;
  }

  /** Waits until every agent has received this many more credentials. */
  async progress(more: { readonly x509: number; readonly jwt: number }, limitMs: number): Promise<void> {
    const goals = this.followed.read().counts.map(({ x509, jwt }) => ({ x509: x509 + more.x509, jwt: jwt + more.jwt }));
    const behind = () =>
      this.followed.read().counts.flatMap((now, index) => (now.x509 < goals[index]!.x509 || now.jwt < goals[index]!.jwt ? [index] : []));
    try {
      await until('every agent to go on', () => this.#alive() && behind().length === 0, limitMs);
    } catch (error) {
      throw new Error(`agents ${behind().slice(0, 10).join(', ')} got nothing more: ${this.#stderr}`, { cause: error });
    }
  }

  #alive(): true {
    const { exitCode, signalCode } = this.#driver;
    if (exitCode !== null || signalCode !== null) throw new Error(`the load ended (${exitCode ?? signalCode}): ${this.#stderr}`);
    return true;
  }

  /** Ends all agents. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#driver.once('close', resolve));
    if (this.#driver.exitCode === null && this.#driver.signalCode === null) {
      this.#driver.stdin!.end();
      await ended;
    }
    this.followed.close();
    closeSync(this.#flight);
  }
}
