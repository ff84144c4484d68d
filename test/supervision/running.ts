import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { removeGroups } from '../running/control-groups';
import { connected, type Finished, finished, newHome, ROOT, SCRIPTED } from '../running/installation';
import { childrenOf, commandLine, descendantsOf, lives, nameOf, type ProcessName } from './proc';
import { until } from './until';

export const asRoot = process.getuid?.() === 0;

export type Part = 'server' | 'node' | 'database';

export interface UpOptions {
  /** Another build of mandate, e.g. a patched copy. */
  readonly root?: string;
  /** Variables beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where a part's command line is recognised. */
const MARKS: Readonly<Record<Part, RegExp>> = { server: / internal-server\b/, node: / internal-node\b/, database: /\/postgres -D / };

/** A state folder and the `mandate up` on it. Everything that `up` ever started here is remembered, and gone after `end`. */
export class Running {
  readonly #seen = new Map<number, ProcessName>();
  readonly #spawned = new Set<ChildProcess>();
  #up: ChildProcess | undefined;
  #output = { stdout: '', stderr: '' };
  #exited: Promise<Finished> | undefined;

  constructor(
    readonly state: string = path.join(newHome(), 's'),
    private readonly options: UpOptions = {},
  ) {}

  /** A new installation, ready. */
  static async start(options: UpOptions = {}): Promise<Running> {
    const running = new Running(undefined, options);
    try {
      await running.up();
    } catch (error) {
      await running.end();
      throw error;
    }
    return running;
  }

  get environment(): Record<string, string> {
    const { state, options } = this;
    const home = path.dirname(state);
    return { PATH: process.env['PATH'] ?? '', HOME: home, MANDATE_STATE: state, MANDATE_CONFIG: `${home}/mandate.yaml`, ...options.env };
  }

  get program(): string {
    return path.join(this.options.root ?? ROOT, 'bin/mandate');
  }

  get pid(): number {
    return this.#up!.pid!;
  }

  get exited(): Promise<Finished> {
    return this.#exited!;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  get agentSocket(): string {
    return path.join(this.state, 'run/agent/agent.sock');
  }

  /** Starts `up` in the foreground; it dies with us, so that an aborted test run leaves nothing behind. */
  spawnUp(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ChildProcess {
    writeFileSync(path.join(path.dirname(this.state), 'mandate.yaml'), SCRIPTED);
    const command = ['--pdeathsig', 'KILL', this.program, 'up', ...args];
    const up = spawn('setpriv', command, { env: { ...this.environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const output = { stdout: '', stderr: '' };
    this.#up = up;
    this.#output = output;
    for (const name of ['stdout', 'stderr'] as const) up[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    this.#exited = new Promise((resolve) => up.once('close', (code, signal) => resolve({ code, signal, ...output })));
    return up;
  }

  /** Starts `up` and resolves when it says Ready; throws with what it said instead. */
  async up(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const up = this.spawnUp(args, env);
    const output = this.#output;
    await until('Ready', () => {
      this.note();
      if (up.exitCode !== null || up.signalCode !== null) throw new Error(`up ended: ${output.stdout}${output.stderr}`);
      return /^Ready/m.test(output.stdout);
    });
    this.note();
  }

  /** Remembers what runs below `up` now. */
  note(): readonly ProcessName[] {
    const now = this.#up?.pid === undefined ? [] : descendantsOf(this.#up.pid);
    for (const found of now) this.#seen.set(found.pid, found);
    const self = this.#up?.pid === undefined ? undefined : nameOf(this.#up.pid);
    if (self && this.#up?.exitCode === null) this.#seen.set(self.pid, self);
    return now;
  }

  /** Everything remembered that still runs. */
  left(): ProcessName[] {
    return [...this.#seen.values()].filter(lives);
  }

  /** The process of a part; undefined while there is none. */
  part(name: Part): ProcessName | undefined {
    const pid = childrenOf(this.pid).find((child) => MARKS[name].test(commandLine(child)));
    const found = pid === undefined ? undefined : nameOf(pid);
    if (found) this.#seen.set(found.pid, found);
    return found;
  }

  partsNow(): Record<Part, ProcessName> {
    const of = (name: Part) => {
      const found = this.part(name);
      if (!found) throw new Error(`no ${name} below up`);
      return found;
    };
    return { server: of('server'), node: of('node'), database: of('database') };
  }

  /** Waits for a part that is not `before`. */
  successor(name: Part, before: ProcessName): Promise<ProcessName> {
    return until(`another ${name}`, () => {
      const now = this.part(name);
      return now && (now.pid !== before.pid || now.startTicks !== before.startTicks) ? now : undefined;
    });
  }

  spawn(program: string, args: readonly string[], stdio: StdioOptions = 'pipe', env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(program, [...args], { env: { ...this.environment, ...env }, stdio });
    this.#spawned.add(child);
    child.once('exit', () => this.#spawned.delete(child));
    return child;
  }

  /** Runs one command of the CLI to its end. */
  cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return finished(this.spawn(this.program, args, ['ignore', 'pipe', 'pipe'], env));
  }

  /** The answer of a command as JSON; throws with its failure where it has one. */
  async json<T>(args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli([...args, '-o', 'json']);
    if (code !== 0) throw new Error(`mandate ${args.join(' ')}: exit ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async ready(): Promise<void> {
    await until('status ready', async () => {
      const { code, stdout } = await this.cli(['status', '-o', 'json']);
      return code === 0 && (JSON.parse(stdout) as { ready: boolean }).ready;
    });
  }

  /** Puts these rules into force. */
  async apply(...rules: readonly string[]): Promise<void> {
    const file = path.join(path.dirname(this.state), 'rules.yaml');
    for (const rule of rules) {
      writeFileSync(file, rule);
      const { code, stdout, stderr } = await this.cli(['rules', 'apply', file]);
      if (code !== 0) throw new Error(`rules apply: exit ${code}: ${stdout}${stderr}`);
    }
  }

  /** The database as the reading role. */
  reader(): Promise<pg.Client> {
    return connected(this.state, 'reader');
  }

  /** Ends `up` by a signal and waits for its end. */
  async signal(signal: NodeJS.Signals): Promise<Finished> {
    this.note();
    process.kill(this.pid, signal);
    return this.exited;
  }

  /** Ends everything, by force where it must, and removes the folder. */
  async end(): Promise<void> {
    for (const child of this.#spawned) child.kill('SIGKILL');
    this.note();
    if (this.#up && this.#up.exitCode === null && this.#up.signalCode === null) {
      this.#up.kill('SIGTERM');
      await Promise.race([this.exited, new Promise((resolve) => setTimeout(resolve, 8_000).unref())]);
      this.note();
    }
    for (const name of ['SIGCONT', 'SIGKILL'] as const) {
      for (const { pid } of this.left()) {
        try {
          process.kill(pid, name);
        } catch {
          // It ended meanwhile.
        }
      }
    }
    await until('the end of everything', () => this.left().length === 0);
    await removeGroups(this.state);
    rmSync(path.dirname(this.state), { recursive: true, force: true });
  }

  /** The names of what listens in the run folder. */
  sockets(): string[] {
    const folders = ['agent', 'admin', 'link', 'db'].map((name) => path.join(this.state, 'run', name));
    return folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []));
  }
}
