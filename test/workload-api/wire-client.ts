import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { type Refusal, RefusalSchema } from '../../src/generated/proto/mandate/v1/refusal_pb';

/** How a call ended. */
export interface Ended {
  /** The gRPC status; null where the stream ended without one. */
  readonly status: number | null;
  readonly message: string;
  /** Error code of ours that travelled along; empty where none did. */
  readonly code: string;
  /** HTTP/2 error of a reset stream; 0 where it ended in order. */
  readonly reset: number;
}

interface Line {
  readonly id?: string;
  readonly started?: number;
  readonly data?: string;
  readonly status?: number | null;
  readonly message?: string;
  readonly refusal?: string;
  readonly ended?: true;
  readonly reset?: number;
  readonly connected?: true;
  readonly waiting?: number;
  readonly messages?: number;
  readonly received?: number;
  readonly ponged?: boolean;
  /** Error code of the GOAWAY of a connection, under its name. */
  readonly goaway?: number;
}

export interface CallOptions {
  readonly connection?: string;
  /** Instead of the security header as it should be. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes to send instead of the message in its frame. */
  readonly bytes?: Buffer;
  /** Leaves the request open after its bytes. */
  readonly half?: boolean;
}

const PATIENCE_MS = 60_000;
/** What a client says of itself. */
const NOBODY = '';
export const SECURITY_HEADER = { 'workload.spiffe.io': 'true' } as const;

/** A message in its gRPC frame: not compressed, its length, its bytes. */
export function framed(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** told-client.js as a process, told what to send. A deadline decides failure only. */
export class WireClient {
  static readonly file = path.join(__dirname, 'told-client.js');
  readonly #child: ChildProcess;
  /** By what they are about: a thousand streams are told apart without a search. */
  readonly #lines = new Map<string, Line[]>();
  readonly #looks = new Map<string, Set<() => void>>();
  readonly #exited: Promise<void>;
  #stderr = '';
  #next = 1;

  /** Whoever started the child ends it, and what it started. */
  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      const { id = NOBODY } = line;
      this.#about(id).push(line);
      for (const look of [...(this.#looks.get(id) ?? [])]) look();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  started(): Promise<Line> {
    return this.heard(NOBODY, 'its start', (line) => line.started !== undefined);
  }

  tell(command: object): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** Opens a stream, or asks once; both are HTTP/2 requests. */
  call<Q extends DescMessage, A extends DescMessage>(
    method: string,
    [request, answer]: readonly [Q, A],
    message: MessageInitShape<Q>,
    { connection = 'first', headers = SECURITY_HEADER, bytes, half = false }: CallOptions = {},
  ): WireCall<A> {
    const body = bytes ?? framed(toBinary(request, create(request, message)));
    const id = this.id();
    this.tell({ do: 'open', id, connection, path: method, headers, body: body.toString('base64'), half });
    return new WireCall(this, id, answer);
  }

  id(): string {
    return String(this.#next++);
  }

  /** Lines said about one id so far. */
  about(id: string): readonly Line[] {
    return this.#about(id);
  }

  /** The first line about an id that fits. */
  heard(id: string, what: string, fits: (line: Line) => boolean): Promise<Line> {
    const lines = this.#about(id);
    const looks = this.#looks.get(id) ?? new Set();
    this.#looks.set(id, looks);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(late);
        looks.delete(look);
        act();
      };
      const look = () => {
        try {
          const found = lines.find(fits);
          if (found) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error)))); // what came shows that it never will
        }
      };
      const late = setTimeout(
        () => settle(() => reject(new Error(`waited for ${what}; heard ${JSON.stringify(lines.slice(-5))} ${this.#stderr}`))),
        PATIENCE_MS,
      );
      looks.add(look);
      look();
    });
  }

  #about(id: string): Line[] {
    const lines = this.#lines.get(id) ?? [];
    this.#lines.set(id, lines);
    return lines;
  }

  /** Kills the client and leaves what it started alone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** One call of a WireClient. */
export class WireCall<A extends DescMessage> {
  constructor(
    private readonly client: WireClient,
    readonly id: string,
    private readonly answer: A,
  ) {}

  /** Messages received so far, decoded. */
  get messages(): MessageShape<A>[] {
    return this.client
      .about(this.id)
      .flatMap(({ data }) => (data === undefined ? [] : [fromBinary(this.answer, Buffer.from(data, 'base64'))]));
  }

  /** Waits until `count` messages have come and returns the last of them. */
  async message(count = 1): Promise<MessageShape<A>> {
    await this.client.heard(this.id, `message ${count}`, (line) => {
      if (line.ended) throw new Error(`the stream ended before message ${count}: ${JSON.stringify(this.client.about(this.id))}`);
      return this.messages.length >= count;
    });
    return this.messages[count - 1]!;
  }

  async ended(): Promise<Ended> {
    const { status = null, reset = 0 } = await this.client.heard(this.id, 'the end', (line) => line.ended === true);
    const told = this.client.about(this.id).find((line) => line.status !== undefined && line.ended === undefined);
    const refusal: Refusal | undefined = told?.refusal ? fromBinary(RefusalSchema, Buffer.from(told.refusal, 'base64')) : undefined;
    return { status, message: told?.message ?? '', code: refusal?.code ?? '', reset };
  }

  /** The end of a call that is never answered; a message fails at once what a served stream would keep waiting. */
  async refused(): Promise<Ended> {
    const { ended } = await this.client.heard(this.id, 'a refusal', (line) => line.ended === true || line.data !== undefined);
    if (ended !== true) throw new Error('answered, not refused');
    return this.ended();
  }

  cancel(): void {
    this.client.tell({ do: 'cancel', id: this.id });
  }
}
