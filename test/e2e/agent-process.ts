import { type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import type { Writable } from 'node:stream';
import { type Installation, MANDATE, type RunOptions } from '../running/installation';

export const AGENT = path.join(__dirname, 'agent.js');

/** A refusal with everything its asker received. */
export interface ToldRefusal {
  readonly code: string;
  readonly rule: string;
  readonly remedy: string;
  readonly saw: readonly { readonly selector: string; readonly value: string; readonly assurance: string }[];
  readonly conditions: readonly {
    readonly selector: string;
    readonly holds: boolean;
    readonly seen: string;
    readonly expected: readonly string[];
  }[];
}

export interface AgentEvent {
  readonly event: 'started' | 'x509' | 'standing' | 'jwt' | 'ran' | 'ended';
  readonly pid?: number;
  readonly stream?: string;
  readonly code?: number;
  readonly message?: string;
  readonly svids?: readonly { readonly spiffeId: string; readonly serial?: string }[];
  readonly spiffeIds?: readonly string[];
  readonly refusal?: ToldRefusal;
}

/** Of one that hangs, not of one that is slow. */
const PATIENCE_MS = 60_000;

/** agent.js as a running process, with what it said so far. */
export class AgentProcess {
  readonly #heard: AgentEvent[] = [];
  readonly #taken = new Set<AgentEvent>();
  readonly #input: Writable;
  #wake: () => void = () => undefined;

  /** Its input is descriptor 3 where the child has one: standard input is closed for us when the child itself ends. */
  constructor(readonly child: ChildProcess) {
    this.#input = (child.stdio[3] ?? child.stdin) as Writable;
    this.#input.on('error', () => undefined);
    readline.createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#heard.push(JSON.parse(line) as AgentEvent);
      this.#wake();
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first event that fits and was not returned before; streams are independent, so their order among each other means nothing. */
  async until(what: string, fits: (event: AgentEvent) => boolean): Promise<AgentEvent> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const found = this.#heard.find((event) => !this.#taken.has(event) && fits(event));
        if (found) {
          this.#taken.add(found);
          return found;
        }
        if (late) throw new Error(`waited for ${what}, heard ${JSON.stringify(this.#heard)}`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Opens one more stream. */
  open(stream: 'x509' | 'standing' | 'jwt'): void {
    this.#input.write(`${stream}\n`);
  }

  /** Lets the agent start a program, and returns its exit status. */
  async run(program: string, ...args: string[]): Promise<number> {
    this.#input.write(`${JSON.stringify([program, ...args])}\n`);
    return (await this.until('the end of a program', ({ event }) => event === 'ran')).code!;
  }

  /** Lets the agent end by itself. */
  closeInput(): void {
    this.#input.end();
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.closeInput();
    await ended;
  }
}

/** An interpreter with a hash of its own: a copy with a few bytes more at its end, which its loader never looks at. */
export function ownProgram(installation: Installation, name: string): { readonly path: string; readonly sha256: string } {
  const file = path.join(installation.home, name);
  copyFileSync(process.execPath, file);
  chmodSync(file, 0o755);
  appendFileSync(file, randomBytes(16));
  return { path: file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

/** Starts agent.js outside every launch. */
export function startAgent(
  installation: Installation,
  program: string,
  streams: readonly string[],
  options: RunOptions = {},
): AgentProcess {
  return new AgentProcess(installation.spawn(program, [AGENT, ...streams], { ...options, stdio: ['pipe', 'pipe', 'inherit'] }));
}

/** Starts agent.js by `mandate run`. */
export function launchAgent(
  installation: Installation,
  name: string,
  program: string,
  streams: readonly string[],
  options: RunOptions = {},
): AgentProcess {
  const argv = ['run', '--name', name, '--', program, AGENT, ...streams];
  return new AgentProcess(installation.spawn(MANDATE, argv, { ...options, stdio: ['pipe', 'pipe', 'inherit'] }));
}
