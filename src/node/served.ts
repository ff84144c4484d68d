import type { EntitledIdentity } from '../generated/proto/mandate/v1/node_link_pb';
import type { MandateError } from '../domain/errors';
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
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
  readonly rotateAtMs: number;
}

/** What a process may be, as last answered by the server. */
export type Standing =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'entitled'; readonly identities: readonly EntitledIdentity[] }
  | { readonly kind: 'refused'; readonly error: MandateError };

/** Somebody who wants to hear of changes: a stream of the process. */
export interface Subscriber {
  /** Which answer it lives on; bundle watchers need an entitlement but no SVID. */
  readonly wants: 'x509' | 'standing';
  changed(served: Served): void;
  /** Ends the stream with this error. */
  end(error: MandateError): void;
}

/** One pinned process that talks to this node, and everything that is kept for it while it lives. */
export class Served {
  standing: Standing = { kind: 'unknown' };
  /** Digest of the evidence the server holds of it; undefined until offered on the present link. */
  offered: Buffer | undefined;
  /** Canonical evidence as last gathered. */
  evidence: { readonly digest: Buffer; readonly canonical: Buffer } | undefined;
  attestedAtMs = Number.NEGATIVE_INFINITY;
  /** Becomes true with the first credential: from here on an exec ends what was issued. */
  issued = false;
  readonly svids = new Map<string, HeldSvid>();
  readonly subscribers = new Set<Subscriber>();
  /** 128 random bits that make the evidence digest a commitment; one per program image. */
  salt: string;
  refreshing: Promise<void> | undefined;
  /** Asked for while a refresh was under way: one more follows. */
  again = false;
  cancelTimer: (() => void) | undefined;
  retries = 0;
  /** The rules changed: what is held may no longer be what the process is entitled to. */
  doubtful = false;
  stopWatching: () => void = () => undefined;
  /** Connections accepted for the present program image. */
  readonly connections = new Set<PeerConnection>();

  constructor(
    readonly process: PinnedProcess,
    salt: string,
  ) {
    this.salt = salt;
  }

  /** Keys and SVIDs are dropped; the bytes of the keys are overwritten first. */
  forget(): void {
    for (const svid of this.svids.values()) svid.key.fill(0);
    this.svids.clear();
    this.evidence = undefined;
    this.offered = undefined;
    this.standing = { kind: 'unknown' };
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  endAll(error: MandateError): void {
    for (const subscriber of [...this.subscribers]) subscriber.end(error);
    this.subscribers.clear();
  }

  wants(what: Subscriber['wants']): boolean {
    for (const subscriber of this.subscribers) if (subscriber.wants === what) return true;
    return false;
  }
}
