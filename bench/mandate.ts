import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import pg from 'pg';

export const ROOT = path.resolve(__dirname, '../..');
export const BIN = path.join(ROOT, 'bin/mandate');
const OBSERVED = path.join(__dirname, 'observed.js');
/** What a started program may take to say what is waited for. */
const PATIENCE_MS = 60_000;

interface Status {
  readonly trustDomain: string;
  readonly parts: readonly { readonly name: 'server' | 'node' | 'database'; readonly pid: number; readonly uid: number }[];
}

/** A running Mandate in a folder of its own, started through `observed.ts`, with everything a measurement starts beside it. */
export class Mandate {
  readonly home = mkdtempSync(path.join(tmpdir(), 'b-'));
  readonly state = path.join(this.home, 's');
  readonly #children = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const { pid } of this.#children) {
      if (pid === undefined) continue;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
  };
  #up: ChildProcess | undefined;

  constructor() {
    chmodSync(this.home, 0o711);
    // No terminal here: who measures says beforehand that scripts administer.
    writeFileSync(this.config, 'admin: { allow_scripted: true }\n');
    process.once('exit', this.#killAll);
  }

  get config(): string {
    return path.join(this.home, 'mandate.yaml');
  }

  get workloadApi(): string {
    return `unix://${this.state}/run/agent/agent.sock`;
  }

  get adminSocket(): string {
    return `${this.state}/run/admin/admin.sock`;
  }

  /** Starts it and returns how many milliseconds passed until it said Ready. `plain` starts it as a user would. */
  async up(how: 'plain' | 'observed' = 'observed'): Promise<number> {
    const began = performance.now();
    const child = how === 'plain' ? this.spawn(BIN, ['up']) : this.spawn(process.execPath, [OBSERVED, 'up']);
    this.#up = child;
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        if (chunk.toString().startsWith('Ready')) resolve();
      });
      child.once('exit', (code, signal) => reject(new Error(`up ended: ${signal ?? code}\n${said}`)));
    });
    return performance.now() - began;
  }

  async down(): Promise<void> {
    const up = this.#up;
    if (!up || up.exitCode !== null || up.signalCode !== null) return;
    const ended = new Promise((resolve) => up.once('exit', resolve));
    up.kill('SIGTERM');
    await ended;
  }

  /** Ends it and everything that was started beside it, and removes its folder. */
  async end(): Promise<void> {
    await this.down();
    this.#killAll();
    process.off('exit', this.#killAll);
    rmSync(this.home, { recursive: true, force: true });
  }

  /** `uid`: under another user, which only root can choose. */
  spawn(program: string, args: readonly string[], uid?: number, workloadApi = this.workloadApi): ChildProcess {
    const { home, state, config } = this;
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      MANDATE_STATE: state,
      MANDATE_CONFIG: config,
      SPIFFE_ENDPOINT_SOCKET: workloadApi,
    };
    const child = spawn(program, [...args], {
      env,
      cwd: this.home,
      detached: true,
      stdio: 'pipe',
      ...(uid !== undefined && { uid, gid: uid }),
    });
    child.stdin.on('error', () => undefined);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end and returns what it printed; throws where it failed. */
  async run(program: string, ...args: string[]): Promise<string> {
    const child = this.spawn(program, args);
    let out = '';
    let err = '';
    child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin!.end();
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${String(code)} ${err}`);
    return out;
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.run(BIN, 'status', '-o', 'json')) as Status;
  }

  async pid(name: 'server' | 'node' | 'database'): Promise<number> {
    return (await this.status()).parts.find((part) => part.name === name)!.pid;
  }

  /** Puts a rule into force that gives every process of this user an identity. */
  async admitAll(x509Ttl: string): Promise<void> {
    const file = path.join(this.home, 'all.yaml');
    writeFileSync(
      file,
      `apiVersion: mandate/v1\nkind: Rule\nname: all\nmatch: { user.uid: "${process.geteuid!()}" }\n` +
        `issue:\n  id: /bench/{user}\n  x509: { ttl: ${x509Ttl} }\n  jwt: { ttl: 5m, audiences: "*" }\n`,
    );
    await this.run(BIN, 'rules', 'apply', file);
  }

  async query<T extends pg.QueryResultRow>(sql: string): Promise<T> {
    const client = new pg.Client({
      host: `${this.state}/run/db`,
      user: 'mandate_reader',
      password: readFileSync(`${this.state}/secrets/reader`, 'utf8').trim(),
      database: 'mandate',
    });
    await client.connect();
    const { rows } = await client.query<T>(sql);
    await client.end();
    return rows[0]!;
  }

  /** How late the event loop of a part was since it was last asked. */
  async eventLoop(name: 'server' | 'node'): Promise<{ p99: number; max: number }> {
    const log = path.join(this.state, 'log', `${name}.log`);
    const lines = () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"loop"'));
    const before = lines().length;
    process.kill(await this.pid(name), 'SIGUSR2');
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const line = lines()[before];
      if (line !== undefined) return JSON.parse(line) as { p99: number; max: number };
      if (performance.now() > until) throw new Error(`${name} does not say how late its loop is`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A started client that says JSON documents, one a line. */
export class Client {
  readonly #said: Record<string, unknown>[] = [];
  #wake: () => void = () => undefined;
  #err = '';
  #closed = false;

  constructor(readonly child: ChildProcess) {
    readline.createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#said.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
    child.stderr!.on('data', (chunk: Buffer) => (this.#err += chunk.toString()));
    child.once('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** The next document that has this field. */
  async says<T>(field: string): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    const timer = setTimeout(() => this.#wake(), PATIENCE_MS);
    for (;;) {
      const index = this.#said.findIndex((one) => field in one);
      if (index >= 0) {
        clearTimeout(timer);
        return this.#said.splice(index, 1)[0] as T;
      }
      if (this.#closed || performance.now() > until) throw new Error(`the client did not say ${field}: ${this.#err}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  go(): void {
    this.child.stdin!.write('\n');
  }

  finish(): void {
    this.child.stdin!.end();
  }

  ended(): Promise<unknown> {
    return this.child.exitCode !== null || this.child.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => this.child.once('exit', resolve));
  }
}
