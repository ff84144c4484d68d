import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StatusAnswer } from '../../src/domain/answers';
import { WireClient } from './wire-client';

const PROGRAM = path.resolve(__dirname, '../../bin/mandate');
const START_MS = 90_000;
const ANSWER_MS = 60_000;

export interface RuleText {
  readonly id: string;
  readonly match?: string;
  readonly priority?: number;
  readonly disabled?: boolean;
  readonly x509?: string;
  readonly hint?: string;
}

/** A real `mandate up` in a state folder of its own, and the clients started against it: all gone after `end`. */
export class RunningMandate {
  /** Short, since socket paths are bounded; passable, since as root the parts run under uids of their own. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'mw-'));
  readonly #state = path.join(this.folder, 's');
  readonly #clients = new Set<WireClient>();
  #up: ChildProcess | undefined;
  status!: StatusAnswer;

  /** `as` runs it under another account than the tests' own; only root can. */
  constructor(private readonly as?: { readonly uid: number; readonly gid: number }) {
    chmodSync(this.folder, 0o711);
    if (as) chownSync(this.folder, as.uid, as.gid);
  }

  static async start(as?: { readonly uid: number; readonly gid: number }): Promise<RunningMandate> {
    const mandate = new RunningMandate(as);
    try {
      await mandate.up();
    } catch (error) {
      await mandate.end();
      throw error;
    }
    return mandate;
  }

  async up(): Promise<void> {
    const child = spawn(PROGRAM, ['up', '--state', this.#state], { stdio: ['ignore', 'pipe', 'pipe'], ...this.#how() });
    this.#up = child;
    let text = '';
    let late: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const heard = (chunk: string) => {
          text += chunk;
          if (/^Ready/m.test(text)) resolve();
        };
        child.stdout.setEncoding('utf8').on('data', heard);
        child.stderr.setEncoding('utf8').on('data', heard);
        child.once('error', reject);
        child.once('exit', (code, signal) => reject(new Error(`up ended (${signal ?? code}):\n${text}`)));
        late = setTimeout(() => reject(new Error(`up was not ready in time:\n${text}`)), START_MS);
      });
    } finally {
      clearTimeout(late);
    }
    this.status = JSON.parse(await this.mandate('status', '-o', 'json')) as StatusAnswer;
  }

  async down(): Promise<void> {
    const child = this.#up;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await this.mandate('down').catch(() => child.kill('SIGTERM'));
    await ended;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.end();
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs one command of the CLI to its end; throws with what it said where it fails. */
  mandate(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(PROGRAM, [...args, '--state', this.#state], { timeout: ANSWER_MS, ...this.#how() }, (error, stdout, stderr) => {
        if (error) reject(new Error(`mandate ${args.join(' ')} failed: ${stderr}${stdout}`, { cause: error }));
        else resolve(stdout);
      });
    });
  }

  async rule(name: string, rule: RuleText): Promise<void> {
    const file = path.join(this.folder, `${name}.yaml`);
    const text = `apiVersion: mandate/v1
kind: Rule
name: ${name}
priority: ${rule.priority ?? 0}
disabled: ${rule.disabled ?? false}
match:
  ${rule.match ?? 'launch.id: "*"'}
issue:
  id: ${rule.id}
  x509: { ttl: ${rule.x509 ?? '15m'} }
  jwt: { ttl: 5m, audiences: "*" }
${rule.hint === undefined ? '' : `  hint: ${rule.hint}\n`}`;
    writeFileSync(file, text);
    await this.mandate('rules', 'apply', file);
  }

  /** A client that is an agent of its own, by `mandate run`. */
  launched(name: string): Promise<WireClient> {
    return this.#client([PROGRAM, 'run', '--state', this.#state, '--name', name, '--', process.execPath, WireClient.file]);
  }

  /** A client outside every launch, under the tests' own account whatever Mandate runs as. */
  outside(): Promise<WireClient> {
    return this.#client([process.execPath, WireClient.file]);
  }

  async #client(command: readonly string[]): Promise<WireClient> {
    const client = new WireClient(command, { ...process.env, SPIFFE_ENDPOINT_SOCKET: this.status.workloadApi });
    this.#clients.add(client);
    await client.started();
    return client;
  }

  get trustDomain(): string {
    return this.status.trustDomain;
  }

  get nodePid(): number {
    return this.status.parts.find((part) => part.name === 'node')?.pid ?? -1;
  }

  /** Connections the agent socket has now, as the kernel counts them; the listener itself is not one. */
  connections(): number {
    const file = this.status.workloadApi.replace('unix://', '');
    return readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(` ${file}`) && line.trim().split(/\s+/)[5] === '03').length;
  }

  #how() {
    const env = { ...process.env };
    delete env['SPIFFE_ENDPOINT_SOCKET'];
    delete env['MANDATE_STATE'];
    return { env: { ...env, ...(this.as && { HOME: this.folder }) }, ...(this.as && { ...this.as, cwd: '/' }) };
  }
}
