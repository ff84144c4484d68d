import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';

/** One credential as an agent received it. */
export interface Received {
  readonly pid: number;
  readonly startTicks: string;
  readonly kind: 'x509-svid' | 'jwt-svid' | 'fault';
  /** Serial number, 32 hex digits, or `jti`. */
  readonly serial: string;
  /** SHA-256 of the SubjectPublicKeyInfo; null for a JWT-SVID. */
  readonly keySha256: string | null;
  readonly spiffeId: string;
  readonly atMs: number;
}

/** A request that an agent made and that ended. */
export interface Asked {
  readonly fromMs: number;
  readonly toMs: number;
  /** gRPC status; 0 is success. */
  readonly code: number;
}

/** The last line of a file whose writer was killed may be cut: only whole lines count. */
function linesOf<T>(folder: string): T[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as T);
  });
}

export const allReceived = (folder: string): Received[] => linesOf<Received>(path.join(folder, 'oracle'));
export const allAsked = (folder: string): Asked[] => linesOf<Asked>(path.join(folder, 'asks'));

/** Follows the oracle files as they grow: how many credentials of each kind every agent has received. */
export class Followed {
  readonly #open = new Map<number, { readonly fd: number; at: number; rest: string }>();
  readonly counts: { x509: number; jwt: number }[];

  constructor(
    private readonly folder: string,
    agents: number,
  ) {
    this.counts = Array.from({ length: agents }, () => ({ x509: 0, jwt: 0 }));
  }

  read(): this {
    const buffer = Buffer.alloc(64 * 1024);
    for (const [index, count] of this.counts.entries()) {
      const file = this.#fileOf(index);
      if (!file) continue;
      for (let length; (length = readSync(file.fd, buffer, 0, buffer.length, file.at)) > 0; file.at += length) {
        const lines = (file.rest + buffer.toString('utf8', 0, length)).split('\n');
        file.rest = lines.pop() ?? '';
        for (const line of lines) count[line.includes('"x509-svid"') ? 'x509' : 'jwt'] += 1;
      }
    }
    return this;
  }

  #fileOf(index: number): { readonly fd: number; at: number; rest: string } | undefined {
    const known = this.#open.get(index);
    if (known) return known;
    const file = path.join(this.folder, 'oracle', `${index}.jsonl`);
    if (!existsSync(file)) return undefined;
    const opened = { fd: openSync(file, 'r'), at: 0, rest: '' };
    this.#open.set(index, opened);
    return opened;
  }

  close(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }
}
