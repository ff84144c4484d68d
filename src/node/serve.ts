import { asMandateError, GRPC, MandateError } from '../domain/errors';
import type { Clock, Log, Random } from '../domain/ports';
import { rotationAt, worthRotating } from '../domain/rotation';
import type { X509Issued } from '../generated/proto/mandate/v1/node_link_pb';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';
import { answered } from '../wire/refusal';
import { generateAgentKey } from './agent-key';
import type { Attesting, EvidenceName } from './attesting';
import type { Members } from './members';
import { Served, type Subscriber } from './served';
import type { ServerLink } from './server-link';
import { atWallClock } from './wall-timer';

const PASSING: readonly number[] = [GRPC.unavailable, GRPC.deadlineExceeded, GRPC.internal];
const RETRY_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const;

export interface ServingParts {
  readonly link: ServerLink;
  readonly members: Members;
  readonly attesting: Attesting;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keeps a process pinned for as long as it lives, since it belongs to an agent now. */
  readonly hold: (process: PinnedProcess) => void;
}

/**
 * The node's half of the path of one identity, told top to bottom. Steps 1 and 2, naming and pinning the peer, happen as its
 * connection is accepted (system/peer-listener.ts); step 3 is attesting.ts; steps 6 to 12 are the server's (server/issue.ts).
 */
export class Serving {
  readonly #served = new Map<string, Served>();
  readonly #stopWatching = new Map<string, () => void>();

  constructor(private readonly parts: ServingParts) {}

  /**
   * A connection was accepted. It belongs to the program image that runs now: after an exec the older connections, streams and keys of
   * the process end. Before anything was issued that costs nothing, which is what shebangs, shims and launchers need.
   */
  arrived(peer: PeerConnection): void {
    const served = this.present(peer.process);
    served.connections.add(peer);
    peer.onClose(() => {
      served.connections.delete(peer);
      this.left(served);
    });
  }

  /**
   * The state for a call on this connection. Throws E_PEER_EXEC where the process was found to run another program since the connection
   * was accepted; whatever is then done for the call checks the process anew.
   */
  called(peer: PeerConnection): Served {
    const served = this.of(peer.process);
    if (!served.connections.has(peer)) throw new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    return served;
  }

  /** The state kept for a pinned process; made on first sight, gone when the process ends. */
  of(process: PinnedProcess): Served {
    const known = this.#served.get(process.key);
    if (known) return known;
    const served = this.#fresh(process);
    this.#stopWatching.set(
      process.key,
      process.onExit(() => this.#ended(process)), // 16 end
    );
    return served;
  }

  /** The state for what the process runs now, be it another program than before or one that never asked for anything. */
  present(process: PinnedProcess): Served {
    return replaced(process) ? this.#startOver(process) : this.of(process);
  }

  all(): Iterable<Served> {
    return this.#served.values();
  }

  /** Nobody is connected any more: what was kept goes, unless the process belongs to an agent and is held for it. */
  left(served: Served): void {
    const { process } = served;
    if (served.over || served.connections.size > 0 || this.parts.members.get(process.key)) return;
    this.#ended(process);
  }

  #fresh(process: PinnedProcess): Served {
    const served = new Served(process, this.parts.random.bytes(16).toString('hex'));
    this.#served.set(process.key, served);
    return served;
  }

  #startOver(process: PinnedProcess): Served {
    const before = this.of(process);
    before.end(new MandateError('E_PEER_EXEC', { fix: 'connect again' }));
    for (const connection of before.connections) connection.destroy();
    try {
      process.settle();
    } catch {
      // Kept by the process: every check of it fails with the reason until it can be settled.
    }
    this.parts.log.info({ process: process.key, pid: process.pid }, 'process runs another program');
    return this.#fresh(process);
  }

  /** 14 deliver: adds a stream and gives it what holds now. */
  async subscribe(served: Served, subscriber: Subscriber): Promise<void> {
    served.subscribers.add(subscriber);
    const settled = served.standing.kind === 'entitled' && !served.doubtful && !served.refreshing;
    const nowMs = this.parts.clock.nowMs();
    if (settled && (subscriber.wants === 'standing' || served.identities.every((identity) => !served.due(identity, nowMs)))) {
      this.check(served);
      subscriber.changed(served);
    } else await this.refresh(served);
  }

  /** Brings standing and SVIDs up to date; calls that arrive meanwhile share the work. Never throws: the outcome is in `standing`. */
  refresh(served: Served): Promise<void> {
    if (served.refreshing) {
      served.again = true;
      return served.refreshing;
    }
    served.refreshing = this.#refreshOnce(served).finally(() => {
      served.refreshing = undefined;
      if (!served.again || served.over) return;
      served.again = false;
      void this.refresh(served);
    });
    return served.refreshing;
  }

  async #refreshOnce(served: Served): Promise<void> {
    try {
      if (served.wants('x509')) await this.#refreshX509(served);
      else await this.standing(served);
      served.check();
      served.retries = 0;
    } catch (thrown) {
      const error = answered(thrown, this.parts.log, { process: served.process.key });
      if (served.over) return;
      const passing = isPassing(error);
      if (passing) this.#retry(served);
      // Promise 8: a running agent keeps what is valid; the server is asked again soon.
      if (passing && served.holdsLiveSvid(this.parts.clock.nowMs())) return;
      if (!passing) served.withdraw();
      served.standing = { kind: 'refused', error };
    }
    for (const subscriber of [...served.subscribers]) subscriber.changed(served);
  }

  async #refreshX509(served: Served): Promise<void> {
    const { clock } = this.parts;
    const first = served.identities.find((identity) => served.due(identity, clock.nowMs()));
    const known = served.standing.kind === 'entitled';
    if (served.doubtful || (known && !first)) await this.standing(served);
    else await this.#obtain(served, first?.spiffeId ?? '');
    for (const identity of served.identities) {
      if (served.due(identity, clock.nowMs())) await this.#obtain(served, identity.spiffeId);
    }
    const wanted = new Set(served.identities.map((identity) => identity.spiffeId));
    for (const spiffeId of [...served.svids.keys()]) if (!wanted.has(spiffeId)) served.drop(spiffeId);
    this.#scheduleRotation(served);
  }

  /** Asks what the process may be, where no SVID is needed. Throws the refusal. */
  async standing(served: Served): Promise<void> {
    const evidence = await this.attested(served);
    const answer = await this.#ask(served, evidence, () =>
      this.parts.link.ask({ case: 'entitlement', value: { evidence } }, 'entitlement'),
    );
    this.#joined(served, answer.agentId, answer.agentName);
    served.standing = { kind: 'entitled', identities: answer.identities };
    served.doubtful = false;
  }

  /** 4 key, 5 ask, 13 re-check: one X509-SVID for this process, or an error. */
  async #obtain(served: Served, spiffeId: string): Promise<void> {
    const evidence = await this.attested(served);
    const key = generateAgentKey();
    const value = { evidence, publicKey: key.point, spiffeId };
    const issued = await this.#ask(served, evidence, () => this.parts.link.ask({ case: 'x509', value }, 'x509'));
    this.#joined(served, issued.agentId, issued.agentName);
    served.standing = { kind: 'entitled', identities: issued.identities };
    this.#hold(served, issued, key.pkcs8);
  }

  #hold(served: Served, issued: X509Issued, key: Buffer): void {
    const { spiffeId, hint, serial } = issued;
    const identity = issued.identities.find((entry) => entry.spiffeId === spiffeId);
    const [issuedAtMs, notAfterMs] = [Number(issued.issuedAtMs), Number(issued.notAfterMs)];
    const before = served.svids.get(spiffeId);
    const jitter = this.parts.random.bytes(1)[0]! / 255;
    served.hold({
      spiffeId,
      hint,
      rule: identity?.rule ?? '',
      ruleVersion: identity?.ruleVersion ?? 0,
      chain: Buffer.from(issued.chain),
      key,
      serial,
      issuedAtMs,
      notAfterMs,
      // Where authority or delegation end first, the next one would end at the same instant: asking sooner would never stop.
      rotateAtMs: before && !worthRotating(before.notAfterMs, notAfterMs) ? notAfterMs : rotationAt(issuedAtMs, notAfterMs, jitter),
    });
  }

  /** A fresh JWT-SVID each time; the same steps 3, 5 and 13. */
  async jwt(served: Served, audience: readonly string[], spiffeId: string) {
    const evidence = await this.attested(served);
    const value = { evidence, audience: [...audience], spiffeId };
    return (await this.#ask(served, evidence, () => this.parts.link.ask({ case: 'jwt', value }, 'jwt'))).svids;
  }

  /** 3 attest. Throws as `check` does. */
  async attested(served: Served): Promise<EvidenceName> {
    this.check(served);
    return this.parts.attesting.of(served);
  }

  /** Served.check; an exec that shows here ends the image: its connections, streams and keys go, and the call is refused. */
  check(served: Served): void {
    try {
      served.check();
    } catch (thrown) {
      if (asMandateError(thrown).code === 'E_PEER_EXEC' && !served.over) this.#startOver(served.process);
      throw thrown;
    }
  }

  /** 5 and 13: the answer is for the image that was attested, so it is looked at again before anything is done with it. */
  async #ask<T>(served: Served, evidence: EvidenceName, ask: () => Promise<T>): Promise<T> {
    served.known = true;
    try {
      const answer = await ask();
      served.offered = evidence.digest;
      served.check();
      return answer;
    } catch (thrown) {
      // A server that was replaced meanwhile does not hold what its predecessor held.
      if (asMandateError(thrown).code === 'E_ATTEST_FAILED') served.offered = undefined;
      throw thrown;
    }
  }

  /** The agent a process turned out to belong to; its descendants will inherit it. */
  #joined(served: Served, agentId: string, agentName: string): void {
    const { members, hold } = this.parts;
    const { process } = served;
    if (agentId === '') return;
    if (!members.get(process.key)) members.add(process.key, { agentId, agentName, launch: undefined, via: undefined });
    hold(process);
  }

  /** 15 rotate: back to 3 at half life of the first SVID that reaches it, for the same pinned process. */
  #scheduleRotation(served: Served): void {
    const next = Math.min(...[...served.svids.values()].map((svid) => svid.rotateAtMs));
    if (Number.isFinite(next)) this.#wakeAt(served, next);
  }

  /** Later each time, but several times more before what is held expires. */
  #retry(served: Served): void {
    const nowMs = this.parts.clock.nowMs();
    const usualMs = RETRY_MS[Math.min(served.retries++, RETRY_MS.length - 1)]!;
    const urgentMs = Math.max(RETRY_MS[0], (served.expiresAtMs - nowMs) / 4);
    this.#wakeAt(served, nowMs + (served.holdsLiveSvid(nowMs) ? Math.min(usualMs, urgentMs) : usualMs));
  }

  #wakeAt(served: Served, dueMs: number): void {
    served.wakeAt(() => atWallClock(this.parts.clock, dueMs, () => this.#woken(served)));
  }

  /** What nobody watches is not renewed: it is dropped when it would be. */
  #woken(served: Served): void {
    if (served.over) return;
    if (served.subscribers.size > 0) return void this.refresh(served);
    const nowMs = this.parts.clock.nowMs();
    for (const svid of [...served.svids.values()]) if (svid.rotateAtMs <= nowMs) served.drop(svid.spiffeId);
  }

  /** 16 end: streams, keys and membership go with the process, and the server is told. */
  #ended(process: PinnedProcess): void {
    const { members, link } = this.parts;
    const { key } = process;
    const served = this.#served.get(key);
    this.#served.delete(key);
    this.#stopWatching.get(key)?.();
    this.#stopWatching.delete(key);
    const told = served?.known === true || members.get(key) !== undefined;
    served?.end(new MandateError('E_PEER_GONE'));
    members.ended(key);
    if (told) link.tell({ case: 'processEnded', value: { processKey: key, reason: 'exit' } });
  }

  /** The link came up, perhaps to a server that has forgotten: everything is offered again, watched processes at once. */
  linkUp(): void {
    for (const served of this.#served.values()) {
      served.offered = undefined;
      if (served.subscribers.size > 0) void this.refresh(served);
    }
  }

  /** The server says the answers of these processes changed. */
  poked(processKeys: readonly string[]): void {
    for (const key of processKeys) {
      const served = this.#served.get(key);
      if (!served) continue;
      served.doubtful = true;
      if (served.subscribers.size > 0) void this.refresh(served);
    }
  }
}

/** True where the process runs another program, or as another user, than when it was settled, or could not be settled then. */
function replaced(process: PinnedProcess): boolean {
  if (process.exeInode === undefined || process.executed()) return true;
  const now = process.credentials();
  return now.uid !== process.uid || now.gid !== process.gid;
}

/** Errors that say nothing about the process itself: the same question may be answered a moment later. */
const isPassing = (error: MandateError): boolean => PASSING.includes(error.grpcStatus);
