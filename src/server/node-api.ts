import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { asMandateError, MandateError } from '../domain/errors';
import type { Entitled } from '../domain/match';
import type { Log } from '../domain/ports';
import {
  type CallerReport,
  type NodeHello,
  type NodeMessage,
  type ServerMessage,
  ServerMessageSchema,
} from '../generated/proto/mandate/v1/node_link_pb';
import type { Refusal } from '../generated/proto/mandate/v1/refusal_pb';
import { answered, refusalOf, statusOf } from '../wire/refusal';
import type { DeviceSession } from './device-session';
import { Denied } from './refuse';

type Tell = NonNullable<MessageInitShape<typeof ServerMessageSchema>['body']>;

/** A turn of the event loop gives requests this long before it lets everything else run: a storm must not stall the rest. */
const TURN_BUDGET_MS = 0.2;
/** Evidence and requests waiting for a turn; a node never has more under way. */
const MAX_QUEUED = 50_000;
const CALLER_TIMEOUT_MS = 2_000;

export interface NodeApiParts {
  /** Opens what the server keeps for this device; throws where the hello is not acceptable. */
  readonly admit: (hello: NodeHello) => Promise<DeviceSession>;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly log: Log;
}

/** The server's end of NodeLink. One node at a time; which process may be it was decided when its connection was accepted. */
export class NodeApi {
  #link: Link | undefined;

  constructor(private readonly parts: NodeApiParts) {}

  get session(): DeviceSession | undefined {
    return this.#link?.session;
  }

  readonly handler: handleBidiStreamingCall<NodeMessage, ServerMessage> = (call) => {
    if (this.#link) {
      call.emit('error', Object.assign(new Error('busy'), statusOf(new MandateError('E_NOT_ADMIN', { why: 'a node is linked already' }))));
      return;
    }
    const link = new Link(call, this.parts, () => {
      if (this.#link === link) this.#link = undefined;
    });
    this.#link = link;
  };

  /** Tells the linked node something; dropped where none is linked, since the next welcome says it all. */
  tell(body: Tell): void {
    this.#link?.tell(body);
  }

  /** Asks the node about a process. Throws E_NODE_DOWN where no node is linked or it does not answer in time. */
  caller(pid: number, processKey: string, evidence: boolean): Promise<CallerReport> {
    if (!this.#link?.session) return Promise.reject(new MandateError('E_NODE_DOWN'));
    return this.#link.caller(pid, processKey, evidence);
  }
}

class Link {
  session: DeviceSession | undefined;
  readonly #queue: NodeMessage[] = [];
  readonly #questions = new Map<bigint, { resolve: (report: CallerReport) => void; reject: (error: Error) => void; cancel: () => void }>();
  #running = false;
  #closed = false;
  #nextId = 1n;

  constructor(
    private readonly call: ServerDuplexStream<NodeMessage, ServerMessage>,
    private readonly parts: NodeApiParts,
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

  tell(body: Tell, re = 0n, id = 0n): void {
    if (!this.#closed) this.call.write(create(ServerMessageSchema, { id, re, body }));
  }

  caller(pid: number, processKey: string, evidence: boolean): Promise<CallerReport> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = this.parts.after(CALLER_TIMEOUT_MS, () => {
        if (this.#questions.delete(id)) reject(new MandateError('E_NODE_DOWN', { why: 'the node does not answer' }));
      });
      this.#questions.set(id, { resolve, reject, cancel });
      this.tell({ case: 'caller', value: { pid, processKey, evidence } }, 0n, id);
    });
  }

  #received(message: NodeMessage): void {
    if (message.body.case === 'hello') return void this.#hello(message.body.value);
    if (message.body.case === 'caller') return this.#answered(message.re, message.body.value);
    if (this.#queue.length >= MAX_QUEUED)
      return this.tell({ case: 'refused', value: refusalOf(new MandateError('E_OVERLOADED')) }, message.id);
    this.#queue.push(message);
    if (!this.#running && this.session) this.#start();
  }

  #hello(hello: NodeHello): Promise<void> {
    return this.parts.admit(hello).then(
      (session) => {
        if (this.#closed) return;
        this.session = session;
        this.tell({ case: 'welcome', value: session.welcome() });
        this.#start();
      },
      (thrown: unknown) => {
        const error = asMandateError(thrown);
        this.parts.log.error({ err: error, code: error.code }, 'node refused');
        this.call.emit('error', Object.assign(new Error(error.message), statusOf(error)));
      },
    );
  }

  #answered(id: bigint, report: CallerReport): void {
    const question = this.#questions.get(id);
    if (!question) return;
    this.#questions.delete(id);
    question.cancel();
    question.resolve(report);
  }

  #start(): void {
    this.#running = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    const { monotonicMs } = this.parts;
    const until = monotonicMs() + TURN_BUDGET_MS;
    do {
      const message = this.#queue.shift();
      if (!message) {
        this.#running = false;
        return;
      }
      this.#handle(message);
    } while (monotonicMs() < until);
    setImmediate(() => this.#turn());
  }

  #handle(message: NodeMessage): void {
    const session = this.session!;
    this.#answer(session, message).then(
      (answer) => {
        if (answer) this.tell(answer, message.id);
      },
      async (thrown: unknown) => this.tell({ case: 'refused', value: await this.#refusal(session, thrown) }, message.id),
    );
  }

  async #refusal(session: DeviceSession, thrown: unknown): Promise<Refusal> {
    if (thrown instanceof Denied) return session.refuser.refuse(thrown);
    return refusalOf(answered(thrown, this.parts.log));
  }

  async #answer(session: DeviceSession, { body }: NodeMessage): Promise<Tell | undefined> {
    switch (body.case) {
      case 'entitlement': {
        const { agent, identities } = await session.entitlement(session.process(body.value.evidence));
        return {
          case: 'entitlement',
          value: { agentId: agent.row.id, agentName: agent.row.name, identities: identities.map(wireIdentity) },
        };
      }
      case 'x509': {
        const process = session.process(body.value.evidence);
        const { released, identity, identities, agent } = await session.issuer.x509(
          process,
          Buffer.from(body.value.publicKey),
          body.value.spiffeId,
        );
        const { plan } = released;
        return {
          case: 'x509',
          value: {
            spiffeId: plan.spiffeId,
            hint: identity.hint,
            chain: released.encoded,
            serial: plan.serial,
            issuedAtMs: BigInt(plan.issuedAtMs),
            notBeforeMs: BigInt(plan.notBeforeMs),
            notAfterMs: BigInt(plan.notAfterMs),
            identities: identities.map(wireIdentity),
            agentId: agent.row.id,
            agentName: agent.row.name,
          },
        };
      }
      case 'jwt': {
        const issued = await session.issuer.jwt(session.process(body.value.evidence), body.value.audience, body.value.spiffeId);
        return {
          case: 'jwt',
          value: {
            svids: issued.map(({ released, identity }) => ({
              spiffeId: released.plan.spiffeId,
              token: released.encoded.toString('latin1'),
              hint: identity.hint,
              jti: released.plan.serial,
              notAfterMs: BigInt(released.plan.notAfterMs),
            })),
          },
        };
      }
      case 'launchBegin': {
        const { agent, identities, joined } = await session.openLaunch(session.process(body.value.evidence), body.value);
        return {
          case: 'launchOpened',
          value: {
            launchId: agent.launch?.id ?? '',
            agentId: agent.row.id,
            agentName: agent.row.name,
            delegationId: agent.delegation.id,
            given: joined ? '' : agent.delegation.given,
            identities: identities.map(wireIdentity),
            joined,
          },
        };
      }
      case 'processEnded':
        await session.processEnded(body.value.processKey, body.value.reason);
        return undefined;
      case 'refusal':
        await session.nodeRefused(body.value);
        return undefined;
      case 'hello':
      case 'caller':
      case undefined:
        throw new MandateError('E_REQUEST', { why: 'unknown message' });
    }
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

const wireIdentity = (entitled: Entitled) => ({
  spiffeId: entitled.spiffeId,
  rule: entitled.rule.rule.name,
  ruleVersion: entitled.rule.version,
  hint: entitled.hint,
  jwt: entitled.audiences.length > 0,
});
