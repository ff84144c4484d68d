import { asMandateError, GRPC, MandateError } from '../domain/errors';
import { fraction } from '../domain/fraction';
import type { Clock, Log, Random } from '../domain/ports';
import { retryDelayMs, rotationAt, worthRotating } from '../domain/rotation';
import type { X509Issued } from '../generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcess } from '../system/process-view';
import { answered } from '../wire/refusal';
import { generateAgentKey } from './agent-key';
import type { Attesting, EvidenceName } from './attesting';
import type { Holding } from './holding';
import type { Images } from './images';
import type { Members } from './members';
import type { Served, Subscriber } from './served';
import type { ServerLink } from './server-link';
import { atWallClock } from './wall-timer';

const PASSING: readonly number[] = [GRPC.unavailable, GRPC.deadlineExceeded, GRPC.internal];
/** How often evidence is gathered anew because the server asks who holds the connection: rules may change while it is looked at. */
const MAX_LOOKS = 3;

export interface ServingParts {
  readonly link: ServerLink;
  readonly images: Images;
  readonly members: Members;
  readonly attesting: Attesting;
  readonly holding: Holding;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keeps a process pinned for as long as it lives, since it belongs to an agent now. */
  readonly hold: (process: PinnedProcess) => void;
}

/**
 * The node's half of the path of one identity, told top to bottom. Steps 1 and 2, naming and pinning the peer, happen as its
 * connection is accepted (system/peer-listener.ts); step 3 is attesting.ts, step 16 images.ts; steps 6 to 12 are the server's (server/issue.ts).
 */
export class Serving {
  #sound: ReadonlySet<string> = new Set();

  constructor(private readonly parts: ServingParts) {}

  /** 14 deliver: adds a stream and gives it what holds now. */
  async subscribe(served: Served, subscriber: Subscriber): Promise<void> {
    served.subscribers.add(subscriber);
    const settled = served.standing.kind === 'entitled' && !served.doubtful && !served.refreshing;
    const nowMs = this.parts.clock.nowMs();
    if (
      settled &&
      !served.sole &&
      (subscriber.wants === 'standing' || served.identities.every((identity) => !served.due(identity, nowMs)))
    ) {
      this.parts.images.check(served);
      subscriber.changed(served);
    } else await this.refresh(served);
  }

  /**
   * Brings standing and SVIDs up to date and delivers them in the turn of the last re-check; calls that arrive meanwhile share the work.
   * Never throws: the outcome is in `standing`.
   */
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
      await this.#bringUpToDate(served);
      if (!(await this.parts.holding.keeps(served))) await this.#withoutSole(served);
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

  async #bringUpToDate(served: Served): Promise<void> {
    if (served.wants('x509')) await this.#refreshX509(served);
    else await this.standing(served);
  }

  /** Somebody else came to hold a connection since the server was told: it decides anew, and says and records what is refused. */
  async #withoutSole(served: Served): Promise<void> {
    served.attestedAtMs = Number.NEGATIVE_INFINITY;
    served.doubtful = true;
    await this.#bringUpToDate(served);
    if (!(await this.parts.holding.keeps(served))) throw new MandateError('E_CONNECTION_HOLDERS');
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
    const answer = await this.#ask(served, (evidence) => this.parts.link.ask({ case: 'entitlement', value: { evidence } }, 'entitlement'));
    this.#joined(served, answer.agentId, answer.agentName);
    served.standing = { kind: 'entitled', identities: answer.identities };
    served.doubtful = false;
  }

  /** 4 key, 5 ask, 13 re-check: one X509-SVID for this process, or an error. */
  async #obtain(served: Served, spiffeId: string): Promise<void> {
    const key = generateAgentKey();
    const issued = await this.#ask(served, (evidence) =>
      this.parts.link.ask({ case: 'x509', value: { evidence, publicKey: key.point, spiffeId } }, 'x509'),
    );
    this.#joined(served, issued.agentId, issued.agentName);
    served.standing = { kind: 'entitled', identities: issued.identities };
    this.#hold(served, issued, key.pkcs8);
  }

  #hold(served: Served, issued: X509Issued, key: Buffer): void {
    const { spiffeId, hint, serial, authorityKeyId } = issued;
    const identity = issued.identities.find((entry) => entry.spiffeId === spiffeId);
    const [issuedAtMs, notAfterMs] = [Number(issued.issuedAtMs), Number(issued.notAfterMs)];
    const before = served.svids.get(spiffeId);
    const jitter = fraction(this.parts.random);
    // Where authority or delegation end first, the next one would end at the same instant: asking sooner would never stop.
    const lasts = before && !worthRotating(before, { issuedAtMs, notAfterMs });
    // Signed before its authority was tainted, and on its way meanwhile. Twice by the same one is no coincidence.
    const tainted = !this.#sound.has(authorityKeyId) && before?.authorityKeyId !== authorityKeyId;
    served.hold({
      spiffeId,
      hint,
      rule: identity?.rule ?? '',
      ruleVersion: identity?.ruleVersion ?? 0,
      chain: Buffer.from(issued.chain),
      key,
      serial,
      authorityKeyId,
      issuedAtMs,
      notAfterMs,
      rotateAtMs: tainted ? issuedAtMs : lasts ? notAfterMs : rotationAt(issuedAtMs, notAfterMs, jitter),
    });
  }

  /** A fresh JWT-SVID each time; the same steps 3, 5 and 13. */
  async jwt(served: Served, audience: readonly string[], spiffeId: string) {
    const { svids } = await this.#ask(served, (evidence) =>
      this.parts.link.ask({ case: 'jwt', value: { evidence, audience: [...audience], spiffeId } }, 'jwt'),
    );
    if (svids.some(({ sole }) => sole)) await this.parts.holding.demand(served);
    return svids;
  }

  /** 3 attest, looked at closely. Throws as `check` does. */
  async attested(served: Served): Promise<EvidenceName> {
    this.parts.images.check(served);
    return this.parts.attesting.of(served);
  }

  /**
   * 3, 5 and 13: the answer is for the image that was attested, so that is looked at closely before anything is done with the answer;
   * before it is asked for, a glance saves what would be asked in vain. Where a rule asks who holds the connection, that is looked at and
   * asked once more: rules are known to the server alone.
   */
  async #ask<T>(served: Served, ask: (evidence: EvidenceName) => Promise<T>, looks = MAX_LOOKS): Promise<T> {
    this.parts.images.glance(served);
    const evidence = await this.parts.attesting.of(served);
    served.known = true;
    try {
      const answer = await ask(evidence);
      served.offered = evidence.digest;
      served.check();
      return answer;
    } catch (thrown) {
      const { code } = asMandateError(thrown);
      // A server that was replaced meanwhile does not hold what its predecessor held.
      if (code === 'E_ATTEST_FAILED') served.offered = undefined;
      if (code !== 'E_CONNECTION_UNSEEN' || looks === 0) throw thrown;
      served.askForHolders(true);
      return this.#ask(served, ask, looks - 1);
    }
  }

  /** The agent a process turned out to belong to; its descendants will inherit it. */
  #joined(served: Served, agentId: string, agentName: string): void {
    const { members, hold } = this.parts;
    const { process } = served;
    if (agentId === '') return;
    if (!members.get(process.key)) members.add(process.key, { agentId, agentName, launch: undefined, kind: 'pinned', via: undefined });
    hold(process);
  }

  /** 15 rotate: back to 3 at half life of the first SVID that reaches it, for the same pinned process. */
  #scheduleRotation(served: Served): void {
    const next = Math.min(...[...served.svids.values()].map((svid) => svid.rotateAtMs));
    if (Number.isFinite(next)) this.#wakeAt(served, next);
  }

  #retry(served: Served): void {
    const nowMs = this.parts.clock.nowMs();
    const leftMs = served.holdsLiveSvid(nowMs) ? served.expiresAtMs - nowMs : Infinity;
    this.#wakeAt(served, nowMs + retryDelayMs(served.retries++, leftMs));
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

  /** The link came up, perhaps to a server that has forgotten: everything is offered again, watched processes at once. */
  linkUp(): void {
    for (const served of this.parts.images.all()) {
      served.offered = undefined;
      if (served.subscribers.size > 0) void this.refresh(served);
    }
  }

  /** Only what these X.509 authorities signed may stay in use: everything else is replaced at once, or when it is asked for again. */
  soundAuthorities(keyIds: readonly string[]): void {
    this.#sound = new Set(keyIds);
    for (const served of this.parts.images.all()) {
      const due = served.hasten(({ authorityKeyId }) => !this.#sound.has(authorityKeyId));
      if (due && served.subscribers.size > 0) void this.refresh(served);
    }
  }

  /** The server says the answers of these processes changed. */
  poked(processKeys: readonly string[]): void {
    for (const key of processKeys) {
      const served = this.parts.images.get(key);
      if (!served) continue;
      served.doubtful = true;
      // Other rules may no longer ask for it.
      served.askForHolders(false);
      if (served.subscribers.size > 0) void this.refresh(served);
    }
  }
}

/** Errors that say nothing about the process itself: the same question may be answered a moment later. */
const isPassing = (error: MandateError): boolean => PASSING.includes(error.grpcStatus);
