import { type ChildProcess, spawn, spawnSync, type StdioOptions } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { removeGroups } from './control-groups';

export const ROOT = path.resolve(__dirname, '../..');
export const MANDATE = path.join(ROOT, 'bin/mandate');
const END_MS = 15_000;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The account of a process: the tests' own where none is named. Only root can choose. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

export interface RunOptions extends Account {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly stdio?: StdioOptions;
  readonly cwd?: string;
}

/** A folder with a path short enough for sockets. The accounts of the parts pass through it; what lies inside has modes of its own. */
export function newHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), 'm-'));
  chmodSync(home, 0o711);
  return home;
}

/** Tests have no terminal: as an ordinary user they administer because the configuration says so, which a person would have to write. */
export const SCRIPTED = 'admin: { allow_scripted: true }\n';

/** A connection to the database of a state folder; whoever may read the folder may have any role. */
export async function connected(state: string, role: 'reader' | 'owner'): Promise<pg.Client> {
  const password = readFileSync(path.join(state, 'secrets', role), 'utf8').trim();
  const client = new pg.Client({ host: path.join(state, 'run/db'), user: `mandate_${role}`, database: 'mandate', password });
  client.on('error', () => undefined); // a killed database ends it; the next query says so
  await client.connect();
  return client;
}

/** One running Mandate in a state folder of its own, and whatever a test starts beside it: all of it ends with `end`. */
export class Installation {
  readonly home = newHome();
  readonly state = path.join(this.home, 's');
  readonly #children = new Set<ChildProcess>();
  readonly #lastResort = () => this.#killAll();
  #up: ChildProcess | undefined;

  /** `account` is the one that Mandate runs under, `config` the text of its mandate.yaml. */
  constructor(
    protected readonly account: Account = {},
    config = SCRIPTED,
  ) {
    writeFileSync(this.configFile, config);
    if (account.uid !== undefined) chownSync(this.home, account.uid, account.gid ?? account.uid);
    process.once('exit', this.#lastResort);
  }

  /** Started and ready. */
  static async start<T extends Installation>(
    this: new (account?: Account, config?: string) => T,
    account?: Account,
    config?: string,
  ): Promise<T> {
    const installation = new this(account, config);
    try {
      await installation.up();
    } catch (error) {
      await installation.end();
      throw error;
    }
    return installation;
  }

  /** The build that runs: the present one, unless a subclass brings another. */
  get program(): string {
    return MANDATE;
  }

  get env(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: this.home,
      LANG: 'C.UTF-8',
      MANDATE_STATE: this.state,
      MANDATE_CONFIG: this.configFile,
      SPIFFE_ENDPOINT_SOCKET: this.workloadApi,
    };
  }

  get configFile(): string {
    return path.join(this.home, 'mandate.yaml');
  }

  /** The process of `mandate up`, while it runs. */
  get pid(): number {
    return this.#up!.pid!;
  }

  get workloadApi(): string {
    return `unix://${this.state}/run/agent/agent.sock`;
  }

  /** Starts the daemons in the foreground of a child of ours, so that their end is seen. */
  async up(): Promise<void> {
    const child = this.spawn(this.program, ['up'], { ...this.account, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#up = child;
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        if (chunk.toString().startsWith('Ready')) resolve();
      });
      child.once('exit', (code, signal) => reject(new Error(`up ended: ${signal ?? code}\n${said}`)));
    });
  }

  down(): Promise<void> {
    return this.ended(() => this.mandate(['down']));
  }

  /** Ends the daemons by `act`, a way to say `mandate down`, and waits for their end. */
  async ended(act: () => Promise<Finished>): Promise<void> {
    const up = this.#up;
    if (!up || up.exitCode !== null || up.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => up.once('exit', () => resolve()));
    const { code, stdout, stderr } = await act();
    if (code !== 0) throw new Error(`down: ${stdout}${stderr}`);
    await ended;
  }

  /** A child in a session of its own, without a terminal, ended with the installation if it did not end before. */
  spawn(program: string, args: readonly string[], { env, stdio, cwd, uid, gid }: RunOptions = {}): ChildProcess {
    const child = spawn(program, [...args], {
      env: { ...this.env, ...env },
      cwd: cwd ?? this.home,
      detached: true,
      stdio: stdio ?? 'pipe',
      ...(uid !== undefined && { uid, gid: gid ?? uid }),
    });
    this.#children.add(child);
    return child;
  }

  /** Runs a program to its end. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const child = this.spawn(program, args, options);
    return finished(child, options.input);
  }

  mandate(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.run(this.program, args, { ...this.account, ...options });
  }

  /** The document that `-o json` prints; throws where the command failed. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.mandate([...args, '-o', 'json']);
    if (code !== 0) throw new Error(`mandate ${args.join(' ')}: ${code}\n${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** A file with these rules. Rule files are YAML, and so is JSON. */
  ruleFile(...rules: readonly object[]): string {
    const file = path.join(this.home, 'rule.yaml');
    const documents = rules.map((rule) => JSON.stringify({ apiVersion: 'mandate/v1', kind: 'Rule', ...rule }, null, 2));
    writeFileSync(file, documents.join('\n---\n'));
    return file;
  }

  /** Puts rules into force, all at once, as the administrator that the tests run as. */
  async apply(...rules: readonly object[]): Promise<void> {
    await this.json('rules', 'apply', this.ruleFile(...rules));
  }

  /** Rows as a role of the database sees them. */
  async query<T extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    role: 'reader' | 'owner' = 'reader',
  ): Promise<T[]> {
    const client = await connected(this.state, role);
    try {
      return (await client.query<T>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends what still runs by the signal that Ctrl-C is: what `mandate down` does is tried where it is tested. */
  async end(): Promise<void> {
    const up = this.#up;
    if (up && up.exitCode === null && up.signalCode === null) {
      const ended = new Promise<void>((resolve) => up.once('exit', () => resolve()));
      const killer = setTimeout(() => up.kill('SIGKILL'), END_MS);
      up.kill('SIGTERM');
      await ended;
      clearTimeout(killer);
    }
    try {
      await this.down(); // of a subclass that starts its parts otherwise
    } catch {
      // What does not end when it is asked is killed below.
    }
    this.#killAll();
    process.off('exit', this.#lastResort);
    await removeGroups(this.state);
    rmSync(this.home, { recursive: true, force: true });
  }

  #killAll(): void {
    for (const child of this.#children) killGroup(child);
  }
}

/** Collects what a child says until it has ended and closed its output. */
export async function finished(child: ChildProcess, input?: string): Promise<Finished> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is no failure of ours.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** Ends a child and whatever it started in its process group; the child leads one of its own. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** True where a program of the machine is there. */
export const hasProgram = (name: string): boolean => spawnSync('/bin/sh', ['-c', `command -v ${name}`]).status === 0;
