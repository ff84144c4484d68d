import { readFileSync } from 'node:fs';
import type { StatusAnswer } from '../../src/domain/answers';
import { Installation, MANDATE } from '../running/installation';
import { WireClient } from './wire-client';

export interface RuleText {
  readonly id: string;
  readonly match?: object;
  readonly priority?: number;
  readonly disabled?: boolean;
  readonly x509?: string;
  readonly hint?: string;
}

/** An installation with clients that are told what to send. */
export class ServedInstallation extends Installation {
  status!: StatusAnswer;

  override async up(): Promise<void> {
    await super.up();
    this.status = await this.json<StatusAnswer>('status');
  }

  rule(name: string, text: RuleText): Promise<void> {
    return this.rules({ [name]: text });
  }

  /** Several rules by their names, put into force at once. */
  rules(texts: Readonly<Record<string, RuleText>>): Promise<void> {
    return this.apply(
      ...Object.entries(texts).map(([name, { id, match = { 'launch.id': '*' }, x509 = '15m', hint = '', ...rule }]) => ({
        ...{ name, match, ...rule },
        issue: { id, hint, x509: { ttl: x509 }, jwt: { audiences: '*' } },
      })),
    );
  }

  /** A client that is an agent of its own, by `mandate run`. */
  launched(name: string): Promise<WireClient> {
    return this.#client(MANDATE, ['run', '--name', name, '--', process.execPath, WireClient.file]);
  }

  /** A client outside every launch, under the tests' own account whatever Mandate runs as. */
  outside(): Promise<WireClient> {
    return this.#client(process.execPath, [WireClient.file]);
  }

  async #client(program: string, args: readonly string[]): Promise<WireClient> {
    const client = new WireClient(this.spawn(program, args));
    await client.started();
    return client;
  }

  get trustDomain(): string {
    return this.status.trustDomain;
  }

  get nodePid(): number {
    return this.#pid('node');
  }

  get serverPid(): number {
    return this.#pid('server');
  }

  #pid(name: string): number {
    const pid = this.status.parts.find((part) => part.name === name)?.pid;
    if (typeof pid !== 'number') throw new Error(`no ${name} runs`);
    return pid;
  }

  /** Connections the agent socket has now, as the kernel counts them; the listener itself is not one. */
  connections(): number {
    const file = this.workloadApi.replace('unix://', '');
    return readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(` ${file}`) && line.trim().split(/\s+/)[5] === '03').length;
  }
}
