import { create } from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { asMandateError, type ErrorCode, MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import {
  type AgentStopped,
  type CallerReport,
  type NodeFigures,
  type NodeHello,
  type NodeMessage,
  type ServerMessage,
  ServerMessageSchema,
} from '../generated/proto/mandate/v1/node_link_pb';
import type { Refusal } from '../generated/proto/mandate/v1/refusal_pb';
import { answered, refusalOf, statusOf } from '../wire/refusal';
import type { DeviceSession } from './device-session';
import { answerNode, type ServerBody } from './node-requests';
import { Denied } from './refuse';

/** A turn of the event loop gives requests this long before it lets everything else run: a storm must not stall the rest. */
const TURN_BUDGET_MS = 0.2;
/** Evidence and requests waiting for a turn; a node never has more under way. */
const MAX_QUEUED = 50_000;
const CALLER_TIMEOUT_MS = 2_000;
const FIGURES_TIMEOUT_MS = 1_000;
/** Longer than a node takes to ask processes to end, and then to make them. */
const STOP_TIMEOUT_MS = 10_000;

export interface NodeStreamParts {
  /** Opens what the server keeps for this device; throws where the hello is not acceptable. */
  readonly admit: (hello: NodeHello) => Promise<DeviceSession>;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly log: Log;
  readonly metrics: StreamMetrics;
}

/** What is counted of the requests of a node. */
export interface StreamMetrics {
  issued(kind: 'x509-svid' | 'jwt-svid', count: number): void;
  notIssued(kind: 'x509-svid' | 'jwt-svid', code: ErrorCode): void;
  refused(by: 'rules' | 'node', code: string): void;
}

interface Question {
  readonly expected: 'caller' | 'agentStopped' | 'figures';
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: () => void;
}

/** One node on its stream: its hello, its requests in turns, and the questions put to it. */
export class NodeStream {
  session: DeviceSession | undefined;
  readonly #queue: NodeMessage[] = [];
  readonly #questions = new Map<bigint, Question>();
  #running = false;
  #closed = false;
  #nextId = 1n;

  constructor(
    private readonly call: ServerDuplexStream<NodeMessage, ServerMessage>,
    private readonly parts: NodeStreamParts,
    private readonly onClose: () => void,
  ) {
    call.on('data', (message: NodeMessage) => this.#received(message));
    const closed = () => this.#close();
    call.on('end', () => {
      call.end();
      closed();
    });
    call.on('cancelled', closed);
    call.on('error', closed);
    call.on('close', closed);
  }

  /** Requests that wait for their turn. */
  get queued(): number {
    return this.#queue.length;
  }

  tell(body: ServerBody, re = 0n, id = 0n): void {
    if (!this.#closed) this.call.write(create(ServerMessageSchema, { id, re, body }));
  }

  caller(pid: number, processKey: string, evidence: boolean): Promise<CallerReport> {
    return this.#ask({ case: 'caller', value: { pid, processKey, evidence } }, 'caller', CALLER_TIMEOUT_MS);
  }

  stopAgent(agentId: string, carryOut: boolean): Promise<AgentStopped> {
    return this.#ask({ case: 'stopAgent', value: { agentId, carryOut } }, 'agentStopped', STOP_TIMEOUT_MS);
  }

  figures(): Promise<NodeFigures> {
    return this.#ask({ case: 'figures', value: {} }, 'figures', FIGURES_TIMEOUT_MS);
  }

  #ask<A>(question: ServerBody, expected: Question['expected'], timeoutMs: number): Promise<A> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = this.parts.after(timeoutMs, () => {
        if (this.#questions.delete(id)) reject(new MandateError('E_NODE_DOWN', { why: 'the node does not answer' }));
      });
      this.#questions.set(id, { expected, resolve, reject, cancel });
      this.tell(question, 0n, id);
    });
  }

  #received(message: NodeMessage): void {
    if (message.body.case === 'hello') return void this.#hello(message.body.value);
    if (message.body.case === 'caller' || message.body.case === 'agentStopped' || message.body.case === 'figures')
      return this.#answered(message.re, message.body);
    if (this.#queue.length >= MAX_QUEUED)
      return this.tell({ case: 'refused', value: refusalOf(new MandateError('E_OVERLOADED')) }, message.id);
    this.#queue.push(message);
    if (!this.#running && this.session) this.#turn();
  }

  #hello(hello: NodeHello): Promise<void> {
    return this.parts.admit(hello).then(
      (session) => {
        if (this.#closed) return;
        this.session = session;
        this.tell({ case: 'welcome', value: session.welcome() });
        this.#turn();
      },
      (thrown: unknown) => {
        const error = asMandateError(thrown);
        this.parts.log.error({ err: error, code: error.code }, 'node refused');
        this.call.emit('error', Object.assign(new Error(error.message), statusOf(error)));
      },
    );
  }

  #answered(id: bigint, answer: { readonly case: Question['expected']; readonly value: CallerReport | AgentStopped | NodeFigures }): void {
    const question = this.#questions.get(id);
    if (question?.expected !== answer.case) return;
    this.#questions.delete(id);
    question.cancel();
    question.resolve(answer.value as never);
  }

  /** What comes to an idle queue is carried out at once, what follows it in the same turn of the event loop waits for the next. */
  #turn(): void {
    this.#running = true;
    const { monotonicMs } = this.parts;
    const until = monotonicMs() + TURN_BUDGET_MS;
    for (let message = this.#queue.shift(); message; message = monotonicMs() < until ? this.#queue.shift() : undefined)
      this.#handle(message);
    setImmediate(() => {
      if (this.#queue.length > 0) this.#turn();
      else this.#running = false;
    });
  }

  #handle(message: NodeMessage): void {
    const session = this.session!;
    const { metrics } = this.parts;
    if (message.body.case === 'refusal') metrics.refused('node', message.body.value.code);
    answerNode(session, message).then(
      (answer) => {
        if (answer?.case === 'x509') metrics.issued('x509-svid', 1);
        else if (answer?.case === 'jwt') metrics.issued('jwt-svid', answer.value.svids?.length ?? 0);
        if (answer) this.tell(answer, message.id);
      },
      async (thrown: unknown) => {
        this.#countFailure(message.body.case, asMandateError(thrown));
        this.tell({ case: 'refused', value: await this.#refusal(session, thrown) }, message.id);
      },
    );
  }

  #countFailure(asked: NodeMessage['body']['case'], error: MandateError): void {
    const { metrics } = this.parts;
    if (asked === 'x509' || asked === 'jwt') metrics.notIssued(`${asked}-svid`, error.code);
    if (error instanceof Denied) metrics.refused('rules', error.code);
  }

  async #refusal(session: DeviceSession, thrown: unknown): Promise<Refusal> {
    if (thrown instanceof Denied) return session.refuser.refuse(thrown);
    return refusalOf(answered(thrown, this.parts.log));
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const question of this.#questions.values()) {
      question.cancel();
      question.reject(new MandateError('E_NODE_DOWN'));
    }
    this.#questions.clear();
    this.onClose();
  }
}
