import type { AuthorityConfig } from './authority-config';
import type { AuthorityVerb } from './authority-life';
import type { AuthorityKind, AuthorityStage } from './authority-row';

/** One authority as `ca show` and the other verbs of `ca` tell of it. Instants are null where that has not come to pass. */
export interface AuthorityItem {
  readonly kind: AuthorityKind;
  readonly keyId: string;
  readonly stage: AuthorityStage;
  /** It is in the bundle. */
  readonly published: boolean;
  /** Of one that is prepared: from when on verifiers know it, so that it may take over. */
  readonly ready: string | null;
  /** Takes over as soon as it is ready: an administrator rotates. */
  readonly early: boolean;
  readonly prepared: string;
  readonly activated: string | null;
  readonly retired: string | null;
  readonly tainted: string | null;
  /** Of one that is tainted: when it is revoked by itself. */
  readonly revocation: string | null;
  readonly revoked: string | null;
  readonly notAfter: string;
  /** Of one that signed and does not any more: nothing that it signed is valid after this instant. */
  readonly lastUse: string | null;
}

export interface AuthoritiesAnswer {
  readonly propagationSeconds: number;
  readonly refreshHintSeconds: number;
  readonly lifetimeSeconds: AuthorityConfig['lifetimeSeconds'];
  /** Oldest first. */
  readonly authorities: readonly AuthorityItem[];
}

export interface OrderAnswer {
  readonly order: AuthorityVerb;
  /** Those that the order is about or changed, as they are now. */
  readonly authorities: readonly AuthorityItem[];
}
