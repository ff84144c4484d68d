import { MandateError, asMandateError } from '../domain/errors';
import { encodeEvidence } from '../domain/evidence';
import type { Attestor, Clock, FileHasher, Log, Random } from '../domain/ports';
import { rotationAt } from '../domain/rotation';
import type { EntitledIdentity, X509Issued } from '../generated/proto/mandate/v1/node_link_pb';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';
import { generateAgentKey } from './agent-key';
import { attest } from './attest';
import { launchMembership, type Members, type OpenLaunch } from './members';
import { runsProgram } from './program';
import { type HeldSvid, Served, type Subscriber } from './served';
import type { ServerLink } from './server-link';

/** Facts younger than this are not gathered again for a call on the same process; the cheap re-check runs every time. */
const FRESH_MS = 1_000;
/** A sleeping laptop's timers run late: the wall clock is compared at least this often. */
const LONGEST_TIMER_MS = 15_000;
const RETRY_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const;

export interface ServingParts {
  readonly link: ServerLink;
  readonly members: Members;
  readonly attestors: readonly Attestor[];
  readonly hasher: FileHasher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keeps a process pinned for as long as it lives, since it belongs to an agent now. */
  readonly hold: (process: PinnedProcess) => void;
}

/**
 * The node's half of the path of one identity, told top to bottom. Steps 1 and 2, naming and pinning the peer, happen as its
 * connection is accepted (system/peer-listener.ts); steps 6 to 12 are the server's (server/issue.ts).
 */
export class Serving {
  readonly #served = new Map<string, Served>();
  readonly #parts: ServingParts;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** The state kept for a pinned process; made on first sight, gone when the process ends. */
  of(process: PinnedProcess): Served {
    const known = this.#served.get(process.key);
    if (known) return known;
    const served = new Served(process, this.#salt());
    this.#served.set(process.key, served);
    served.stopWatching = process.onExit(() => this.#ended(served)); // 16 end
    return served;
  }

  /** Nobody is connected any more: what was kept goes, unless the process belongs to an agent and is held for it. */
  left(served: Served): void {
    if (served.connections.size > 0 || this.#parts.members.get(served.process.key) || this.#served.get(served.process.key) !== served)
      return;
    served.stopWatching();
    this.#ended(served);
  }

  all(): Iterable<Served> {
    return this.#served.values();
  }

  get(processKey: string): Served | undefined {
    return this.#served.get(processKey);
  }

  /**
   * A connection was accepted. It belongs to the program image that runs now: after an exec the older connections, streams and
   * keys of the process end, so that nothing made for one image reaches another. Before anything was issued that costs nothing,
   * which is what shebangs, shims and launchers need.
   */
  arrived(peer: PeerConnection): void {
    const served = this.of(peer.process);
    if (peer.process.exeInode === undefined || peer.process.executed()) this.#startOver(served);
    served.connections.add(peer);
    peer.onClose(() => {
      served.connections.delete(peer);
      this.left(served);
    });
  }

  /** The state for a call on this connection. Throws E_PEER_EXEC where the process has executed since the connection was accepted. */
  called(peer: PeerConnection): Served {
    const served = this.of(peer.process);
    if (peer.process.executed()) this.#startOver(served);
    if (!served.connections.has(peer)) throw new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    return served;
  }

  /** The state for a question about this process by somebody else: of the program it runs now, be it one that never asked for anything. */
  askedAbout(process: PinnedProcess): Served {
    const served = this.of(process);
    if (process.exeInode === undefined || process.executed()) this.#startOver(served);
    return served;
  }

  #startOver(served: Served): void {
    const { process } = served;
    const error = new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    served.endAll(error);
    served.forget();
    served.salt = this.#salt();
    for (const connection of served.connections) connection.destroy();
    served.connections.clear();
    try {
      process.settle();
    } catch {
      // Kept by the process: every check of it fails with the reason until it can be settled.
    }
    this.#parts.log.info({ process: process.key, pid: process.pid, issued: served.issued }, 'process executed another program');
    served.issued = false;
  }

  /** 3 attest: turns the pinned process into evidence the server holds, and names it by digest. */
  async attested(served: Served): Promise<Buffer> {
    const { clock, members, link, attestors } = this.#parts;
    const { process } = served;
    process.recheck();
    if (served.evidence === undefined || clock.monotonicMs() - served.attestedAtMs > FRESH_MS) {
      const ancestry = process.ancestors();
      const membership = members.inherit(process.key, ancestry.chain);
      if (membership?.launch) await this.#lookForProgram(process, membership.launch);
      const evidence = await attest(process, attestors, { launch: launchMembership(membership) }, served.salt);
      process.recheck();
      const { bytes, digest } = encodeEvidence(evidence);
      served.attestedAtMs = clock.monotonicMs();
      if (served.evidence?.canonical.equals(bytes) !== true) {
        served.evidence = { digest: Buffer.from(digest, 'hex'), canonical: bytes };
        served.offered = undefined;
      }
    }
    const { digest, canonical } = served.evidence;
    if (served.offered?.equals(digest) !== true) {
      const membership = members.get(process.key);
      link.tell({
        case: 'evidence',
        value: { digest, canonical, agentId: membership?.agentId ?? '', viaProcessKey: membership?.via ?? '' },
      });
      if (link.up) served.offered = digest;
    }
    return digest;
  }

  /** The launched process is looked at until it was seen running what its launcher announced. */
  async #lookForProgram(process: PinnedProcess, launch: OpenLaunch): Promise<void> {
    if (launch.programSeen || launch.programInode === '' || process.key !== launch.processKey) return;
    launch.programSeen = await runsProgram(process, { inode: launch.programInode, sha256: launch.programSha256 }, this.#parts.hasher);
  }

  /** Brings standing and SVIDs up to date; calls that arrive meanwhile share the work. Never throws: the outcome is in `standing`. */
  refresh(served: Served): Promise<void> {
    if (served.refreshing) {
      served.again = true;
      return served.refreshing;
    }
    served.refreshing = this.#refreshOnce(served).finally(() => {
      served.refreshing = undefined;
      if (!served.again) return;
      served.again = false;
      void this.refresh(served);
    });
    return served.refreshing;
  }

  async #refreshOnce(served: Served): Promise<void> {
    try {
      if (served.wants('x509')) await this.#refreshX509(served);
      else await this.#refreshStanding(served);
      served.retries = 0;
    } catch (thrown) {
      const error = asMandateError(thrown);
      if (this.#passing(error) && this.#holdsLiveSvid(served)) {
        // Promise 8: a running agent keeps what is valid; the server is asked again soon.
        this.#later(served, RETRY_MS[Math.min(served.retries++, RETRY_MS.length - 1)]!);
        return;
      }
      served.standing = { kind: 'refused', error };
      if (this.#passing(error)) this.#later(served, RETRY_MS[Math.min(served.retries++, RETRY_MS.length - 1)]!);
      else this.#withdraw(served);
      if (error.code === 'E_INTERNAL') this.#parts.log.error({ err: error.cause, process: served.process.key }, 'refresh failed');
    }
    this.#tellSubscribers(served);
  }

  async #refreshStanding(served: Served): Promise<void> {
    const evidence = await this.attested(served);
    const answer = await this.#parts.link.ask({ case: 'entitlement', value: { evidence } }, 'entitlement');
    this.#joined(served, answer.agentId, answer.agentName);
    served.standing = { kind: 'entitled', identities: answer.identities };
    served.doubtful = false;
  }

  async #refreshX509(served: Served): Promise<void> {
    const known = this.#identities(served).filter((identity) => this.#due(served, identity));
    if (served.doubtful || (known.length === 0 && served.standing.kind === 'entitled')) await this.#refreshStanding(served);
    else await this.#obtain(served, known[0]?.spiffeId ?? '');
    for (const identity of this.#identities(served)) {
      if (this.#due(served, identity)) await this.#obtain(served, identity.spiffeId);
    }
    const wanted = new Set(this.#identities(served).map((identity) => identity.spiffeId));
    for (const [spiffeId, held] of served.svids) {
      if (wanted.has(spiffeId)) continue;
      held.key.fill(0);
      served.svids.delete(spiffeId);
    }
    this.#scheduleRotation(served);
  }

  #due(served: Served, identity: EntitledIdentity): boolean {
    const held = served.svids.get(identity.spiffeId);
    return (
      held === undefined ||
      held.rotateAtMs <= this.#parts.clock.nowMs() ||
      held.rule !== identity.rule ||
      held.ruleVersion !== identity.ruleVersion
    );
  }

  #identities(served: Served): readonly EntitledIdentity[] {
    return served.standing.kind === 'entitled' ? served.standing.identities : [];
  }

  /** 4 key, 5 ask, 13 re-check: one X509-SVID for this process, or an error. */
  async #obtain(served: Served, spiffeId: string): Promise<X509Issued> {
    const evidence = await this.attested(served);
    const key = generateAgentKey();
    const issued = await this.#parts.link.ask({ case: 'x509', value: { evidence, publicKey: key.point, spiffeId } }, 'x509');
    served.process.recheck();
    served.issued = true;
    this.#joined(served, issued.agentId, issued.agentName);
    served.standing = { kind: 'entitled', identities: issued.identities };
    const identity = issued.identities.find((entry) => entry.spiffeId === issued.spiffeId);
    const held: HeldSvid = {
      spiffeId: issued.spiffeId,
      hint: issued.hint,
      rule: identity?.rule ?? '',
      ruleVersion: identity?.ruleVersion ?? 0,
      chain: Buffer.from(issued.chain),
      key: key.pkcs8,
      serial: issued.serial,
      issuedAtMs: Number(issued.issuedAtMs),
      notAfterMs: Number(issued.notAfterMs),
      rotateAtMs: rotationAt(Number(issued.issuedAtMs), Number(issued.notAfterMs), this.#parts.random.bytes(1)[0]! / 256),
    };
    served.svids.get(issued.spiffeId)?.key.fill(0);
    served.svids.set(issued.spiffeId, held);
    return issued;
  }

  /** The agent a process turned out to belong to; its descendants will inherit it. */
  #joined(served: Served, agentId: string, agentName: string): void {
    const { members } = this.#parts;
    if (agentId === '') return;
    if (!members.get(served.process.key)) members.add(served.process.key, { agentId, agentName, launch: undefined, via: undefined });
    this.#parts.hold(served.process);
  }

  /** Asks what the process may be, for calls that need an entitlement but no SVID. Throws the refusal. */
  async standing(served: Served): Promise<void> {
    await this.#refreshStanding(served);
  }

  /** A fresh JWT-SVID each time; the same steps 3, 5 and 13. */
  async jwt(served: Served, audience: readonly string[], spiffeId: string) {
    const evidence = await this.attested(served);
    const issued = await this.#parts.link.ask({ case: 'jwt', value: { evidence, audience: [...audience], spiffeId } }, 'jwt');
    served.process.recheck();
    served.issued = true;
    return issued.svids;
  }

  /** 14 deliver: adds a stream and gives it what holds now. */
  async subscribe(served: Served, subscriber: Subscriber): Promise<void> {
    served.subscribers.add(subscriber);
    if (subscriber.wants === 'x509' && served.standing.kind === 'entitled' && this.#allCurrent(served)) {
      served.process.recheck();
      subscriber.changed(served);
      return;
    }
    if (subscriber.wants === 'standing' && served.standing.kind === 'entitled' && !served.refreshing) {
      served.process.recheck();
      subscriber.changed(served);
      return;
    }
    await this.refresh(served);
  }

  #tellSubscribers(served: Served): void {
    try {
      if (served.standing.kind === 'entitled') served.process.recheck();
    } catch (thrown) {
      this.#withdraw(served);
      served.standing = { kind: 'refused', error: asMandateError(thrown) };
    }
    for (const subscriber of [...served.subscribers]) subscriber.changed(served);
  }

  /** 15 rotate: back to 3 at half life of the first SVID that reaches it, for the same pinned process. */
  #scheduleRotation(served: Served): void {
    const next = Math.min(...[...served.svids.values()].map((svid) => svid.rotateAtMs));
    if (Number.isFinite(next)) this.#later(served, next - this.#parts.clock.nowMs());
  }

  #later(served: Served, delayMs: number): void {
    const { clock } = this.#parts;
    const dueMs = clock.nowMs() + delayMs;
    const wait = () => {
      served.cancelTimer?.();
      const left = dueMs - clock.nowMs();
      served.cancelTimer = clock.after(Math.min(Math.max(1, left), LONGEST_TIMER_MS), () => {
        if (clock.nowMs() < dueMs && left > LONGEST_TIMER_MS) return wait();
        served.cancelTimer = undefined;
        if (served.subscribers.size > 0) void this.refresh(served);
        else this.#dropExpired(served);
      });
    };
    wait();
  }

  #dropExpired(served: Served): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [spiffeId, svid] of served.svids) {
      if (svid.rotateAtMs > nowMs) continue;
      svid.key.fill(0);
      served.svids.delete(spiffeId);
    }
  }

  #allCurrent(served: Served): boolean {
    return !served.doubtful && this.#identities(served).every((identity) => !this.#due(served, identity));
  }

  #holdsLiveSvid(served: Served): boolean {
    const nowMs = this.#parts.clock.nowMs();
    return served.svids.size > 0 && [...served.svids.values()].every((svid) => svid.notAfterMs > nowMs);
  }

  /** Errors that say nothing about the process itself: the same question may be answered a moment later. */
  #passing(error: MandateError): boolean {
    return error.grpcStatus === 14 || error.grpcStatus === 4;
  }

  #withdraw(served: Served): void {
    for (const svid of served.svids.values()) svid.key.fill(0);
    served.svids.clear();
    served.cancelTimer?.();
    served.cancelTimer = undefined;
  }

  /** 16 end: streams, keys and membership go with the process, and the server is told. */
  #ended(served: Served): void {
    const { process } = served;
    this.#served.delete(process.key);
    served.endAll(new MandateError('E_PEER_GONE'));
    const told = served.offered !== undefined || this.#parts.members.get(process.key) !== undefined;
    served.forget();
    this.#parts.members.ended(process.key);
    if (told) this.#parts.link.tell({ case: 'processEnded', value: { processKey: process.key, reason: 'exit' } });
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
      served.attestedAtMs = Number.NEGATIVE_INFINITY;
      served.doubtful = true;
      if (served.subscribers.size > 0) void this.refresh(served);
      else served.standing = { kind: 'unknown' };
    }
  }

  #salt(): string {
    return this.#parts.random.bytes(16).toString('hex');
  }
}
