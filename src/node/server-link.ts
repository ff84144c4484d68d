import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Client, type ClientDuplexStream, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import { fraction } from '../domain/fraction';
import type { Clock, Log, Random } from '../domain/ports';
import {
  NodeLink,
  type NodeMessage,
  NodeMessageSchema,
  type ServerMessage,
  type Welcome,
} from '../generated/proto/mandate/v1/node_link_pb';
import { grpcService } from '../wire/grpc';
import { RefusedError } from '../wire/refusal';

type Ask = NonNullable<MessageInitShape<typeof NodeMessageSchema>['body']>;
export type Answer = ServerMessage['body'];
type AnswerCase = Exclude<Answer['case'], undefined>;
type AnswerOf<C extends AnswerCase> = Extract<Answer, { case: C }>['value'];

/** No answer in this time means no answer: a half-closed stream would otherwise hold its callers for ever. */
const ANSWER_TIMEOUT_MS = 8_000;
const FIRST_BACKOFF_MS = 50;
/** Between streams, where a server is there and does not keep them. */
const MAX_BACKOFF_MS = 1_000;
/** Between looks for a server that is away: each is a connect(2) to a local socket, and agents wait for it to be found again. */
const LONGEST_LOOK_MS = 250;
/** Requests under way at once; more are refused at once rather than queued without bound. */
const MAX_PENDING = 20_000;

/** Twice the bundles of as many partners as there may be, of the largest size they may have. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface LinkHandlers {
  /** The link is up: what the server knows of this device. Requests wait until this returns. */
  welcome(welcome: Welcome): void;
  /** A message the server started. */
  message(message: ServerMessage): void;
  lost(): void;
}

/** The node's end of NodeLink: one stream, kept up for as long as the node lives. */
export interface ServerLink {
  /** Asks and waits. Throws RefusedError with the server's reasons, or E_SERVER_DOWN. */
  ask<C extends AnswerCase>(body: Ask, expected: C): Promise<AnswerOf<C>>;
  /** Tells without waiting; dropped when the link is down (the server asks again on the next welcome). */
  tell(body: Ask, re?: bigint): void;
  readonly up: boolean;
  close(): void;
}

interface Pending {
  readonly expected: AnswerCase;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimeout: () => void;
}

export function openServerLink(
  socketPath: string,
  hello: () => Ask,
  handlers: LinkHandlers,
  clock: Clock,
  random: Random,
  log: Log,
): ServerLink {
  const method = grpcService(NodeLink)['link'] as MethodDefinition<NodeMessage, ServerMessage>;
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': FIRST_BACKOFF_MS,
    'grpc.min_reconnect_backoff_ms': FIRST_BACKOFF_MS,
    'grpc.max_reconnect_backoff_ms': LONGEST_LOOK_MS,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_channelz': 0,
    // A link is never taken up again half way: the next one begins with a welcome.
    'grpc.enable_retries': 0,
  });
  // Waits for the server: failing while there is none would add our own pause to the one between two looks.
  const patient = new Metadata({ waitForReady: true });
  let stream: ClientDuplexStream<NodeMessage, ServerMessage> | undefined;
  let welcomed = false;
  let closed = false;
  let failures = 0;
  let nextId = 1n;
  const pending = new Map<bigint, Pending>();

  const down = () => new MandateError('E_SERVER_DOWN', { fix: 'it is retried by itself; see `mandate status`' });

  function settle(id: bigint): Pending | undefined {
    const waiting = pending.get(id);
    if (waiting) {
      pending.delete(id);
      waiting.cancelTimeout();
    }
    return waiting;
  }

  function received(message: ServerMessage): void {
    if (message.body.case === 'welcome' && !welcomed) {
      welcomed = true;
      failures = 0;
      handlers.welcome(message.body.value);
      return;
    }
    if (message.re === 0n) return handlers.message(message);
    const waiting = settle(message.re);
    if (!waiting) return; // timed out here before
    if (message.body.case === 'refused') waiting.reject(new RefusedError(message.body.value));
    else if (message.body.case !== waiting.expected)
      waiting.reject(new MandateError('E_INTERNAL', { why: 'the server answered something else' }));
    else waiting.resolve(message.body.value as never);
  }

  function connect(): void {
    if (closed) return;
    const opened = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, patient);
    stream = opened;
    let ended = false;
    const lost = (error?: Error) => {
      if (ended) return;
      ended = true;
      if (stream === opened) stream = undefined;
      if (welcomed) log.warn({ reason: error?.message }, 'link to the server lost');
      welcomed = false;
      for (const id of [...pending.keys()]) settle(id)?.reject(down());
      handlers.lost();
      // Drawn from the whole interval, so that many nodes do not come back to one server at once.
      const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures++, 10));
      clock.after(FIRST_BACKOFF_MS + fraction(random) * (ceiling - FIRST_BACKOFF_MS), connect);
    };
    opened.on('data', (message: ServerMessage) => {
      try {
        received(message);
      } catch (error) {
        log.error({ err: error }, 'message from the server failed');
      }
    });
    opened.on('error', lost);
    opened.on('end', () => lost());
    write(hello(), 0n);
  }

  function write(body: Ask, id: bigint, re = 0n): void {
    stream?.write(create(NodeMessageSchema, { id, re, body }));
  }

  connect();
  return {
    get up() {
      return welcomed;
    },
    ask(body, expected) {
      if (!welcomed) return Promise.reject(down());
      if (pending.size >= MAX_PENDING) return Promise.reject(new MandateError('E_OVERLOADED'));
      const id = nextId++;
      return new Promise((resolve, reject) => {
        const cancelTimeout = clock.after(ANSWER_TIMEOUT_MS, () => {
          if (pending.delete(id)) reject(new MandateError('E_SERVER_DOWN', { why: 'it did not answer in time' }));
        });
        pending.set(id, { expected, resolve: resolve, reject, cancelTimeout });
        write(body, id);
      });
    },
    tell(body, re) {
      if (welcomed) write(body, 0n, re);
    },
    close() {
      closed = true;
      stream?.cancel();
      client.close();
    },
  };
}
