import type { EntitledIdentity } from '../generated/proto/mandate/v1/node_link_pb';
import type { Delivery } from '../domain/delivery';
import { MandateError } from '../domain/errors';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';

/** An X509-SVID and its key: of one process and one identity, nobody else's. */
export interface HeldSvid {
  readonly spiffeId: string;
  readonly hint: string;
  readonly rule: string;
  readonly ruleVersion: number;
  readonly chain: Buffer;
  /** PKCS#8 DER. Made on this node, never sent anywhere but to the process. */
  readonly key: Buffer;
  readonly serial: string;
  /** Key id of the authority that signed it. */
  readonly authorityKeyId: string;
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
  readonly rotateAtMs: number;
}

/** What a process may be, as last answered by the server. */
export type Standing =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'entitled'; readonly identities: readonly EntitledIdentity[] }
  | { readonly kind: 'refused'; readonly error: MandateError };

/** The message its streams carry, and what it was made of. It holds the keys, and goes with them. */
export interface Told {
  readonly bundle: Buffer;
  /** Foreign trust domains it was told for. */
  readonly federatesWith: string;
  readonly svids: readonly HeldSvid[];
  readonly message: Buffer;
}

/** Somebody who wants to hear of changes: a stream of the process. */
export interface Subscriber {
  /** Which answer it lives on; bundle watchers need an entitlement but no SVID. */
  readonly wants: 'x509' | 'standing';
  changed(served: Served): void;
  /** Ends the stream with this error. */
  end(error: MandateError): void;
}

/**
 * One program image of one pinned process, and everything that is kept for it. When the process executes another program this value is
 * over: whatever still waits on it finds that out, and nothing obtained for one image can reach the next.
 */
export class Served {
  standing: Standing = { kind: 'unknown' };
  /** Canonical evidence as last gathered. */
  evidence: { readonly digest: Buffer; readonly canonical: Buffer } | undefined;
  attestedAtMs = Number.NEGATIVE_INFINITY;
  /** Digest of the evidence that the server at the other end of the present link holds of it. */
  offered: Buffer | undefined;
  /** The server was told of it, and has to be told of its end. */
  known = false;
  readonly svids = new Map<string, HeldSvid>();
  told: Told | undefined;
  readonly subscribers = new Set<Subscriber>();
  /** Connections accepted for this image. */
  readonly connections = new Set<PeerConnection>();
  /** The rules changed: what is held may no longer be what the process is entitled to. */
  doubtful = false;
  refreshing: Promise<void> | undefined;
  /** Asked for while a refresh was under way: one more follows. */
  again = false;
  retries = 0;
  /** A rule asks who holds its connections: evidence says so from now on. */
  holdersAsked = false;
  #delivery: Delivery = 'socket';
  #over = false;
  #cancelTimer: () => void = () => undefined;

  constructor(
    readonly process: PinnedProcess,
    /** 128 random bits in hex that make the evidence digest a commitment. */
    readonly salt: string,
  ) {}

  /** Throws where this image is seen to be over without looking closely (PinnedProcess.glance). */
  glance(): void {
    if (this.#over) throw new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    this.process.glance();
  }

  /** Throws where this image is over, or the process is not what it was when it was settled (PinnedProcess.recheck). */
  check(): void {
    if (this.#over) throw new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    this.process.recheck();
  }

  get over(): boolean {
    return this.#over;
  }

  get delivery(): Delivery {
    return this.#delivery;
  }

  /** From now on this process is attested for files only, and keeps nothing it was given as more than that. There is no way back. */
  deliverToFiles(): void {
    if (this.#delivery === 'files') return;
    this.#delivery = 'files';
    this.evidence = undefined;
    this.offered = undefined;
    this.standing = { kind: 'unknown' };
    this.withdraw();
  }

  /** Ends the image: streams with `error`, keys and evidence at once. */
  end(error: MandateError): void {
    this.#over = true;
    this.endAll(error);
    this.evidence = undefined;
    this.withdraw();
  }

  endAll(error: MandateError): void {
    for (const subscriber of [...this.subscribers]) subscriber.end(error);
    this.subscribers.clear();
  }

  wants(what: Subscriber['wants']): boolean {
    for (const subscriber of this.subscribers) if (subscriber.wants === what) return true;
    return false;
  }

  get identities(): readonly EntitledIdentity[] {
    return this.standing.kind === 'entitled' ? this.standing.identities : [];
  }

  /** Foreign trust domains whose SVIDs it may check, by any of its identities; sorted. */
  get federatesWith(): readonly string[] {
    const names = this.identities.flatMap(({ federatesWith }) => federatesWith);
    return names.length === 0 ? names : [...new Set(names)].sort();
  }

  /** True where an identity may be delivered only while the process alone holds its connections. */
  get sole(): boolean {
    return this.identities.some(({ sole }) => sole);
  }

  /** From now on its evidence says who holds its connections, or no longer; what was gathered without that is not used again. */
  askForHolders(asked: boolean): void {
    if (!asked && !this.holdersAsked) return;
    this.holdersAsked = asked;
    this.attestedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** True where the identity has no SVID, one that is to be rotated, or one of another version of its rule. */
  due(identity: EntitledIdentity, nowMs: number): boolean {
    const held = this.svids.get(identity.spiffeId);
    return held === undefined || held.rotateAtMs <= nowMs || held.rule !== identity.rule || held.ruleVersion !== identity.ruleVersion;
  }

  /** When the first SVID that is held expires; infinity where none is held. */
  get expiresAtMs(): number {
    return Math.min(...[...this.svids.values()].map((svid) => svid.notAfterMs));
  }

  /** True where at least one SVID is held and none of them has expired. */
  holdsLiveSvid(nowMs: number): boolean {
    return this.svids.size > 0 && this.expiresAtMs > nowMs;
  }

  hold(svid: HeldSvid): void {
    this.drop(svid.spiffeId);
    this.svids.set(svid.spiffeId, svid);
  }

  /** Makes the SVIDs that fit due now; false where none does. */
  hasten(fits: (svid: HeldSvid) => boolean): boolean {
    const found = [...this.svids.values()].filter(fits);
    for (const svid of found) this.svids.set(svid.spiffeId, { ...svid, rotateAtMs: svid.issuedAtMs });
    return found.length > 0;
  }

  /** The bytes of the key are overwritten; copies that were sent are the process's own. */
  drop(spiffeId: string): void {
    this.svids.get(spiffeId)?.key.fill(0);
    this.svids.delete(spiffeId);
    this.told = undefined;
  }

  withdraw(): void {
    for (const spiffeId of [...this.svids.keys()]) this.drop(spiffeId);
    this.wakeAt(undefined);
  }

  /** Keeps one timer: a later call replaces it. */
  wakeAt(timer: (() => () => void) | undefined): void {
    this.#cancelTimer();
    this.#cancelTimer = timer ? timer() : () => undefined;
  }
}
