import type { Patch } from '../running/scratch';
import type { Field } from './field';

/** How Mandate runs, or that the socket is somebody else's. */
export type Mode = 'installed' | 'own user' | 'foreign';

/** What one try of an attacker brought it. */
export type Obtained =
  | { readonly kind: 'identity'; readonly spiffeIds: readonly string[] }
  | { readonly kind: 'refused'; readonly code: string }
  /** Something other than an SVID that only an attacker who succeeded has. */
  | { readonly kind: 'deed'; readonly what: string }
  | { readonly kind: 'nothing'; readonly why: string };

/**
 * `root`: a hand with root arranges the attack. `other user`: a second uid. `ours`: more of Mandate than its Workload API. `readable`: root may read every
 * process. `root node`: one that starts agents under uids of their own.
 */
export type Need =
  | 'root'
  | 'root node'
  | 'other user'
  | 'ours'
  | 'readable'
  | 'cc'
  | 'bash'
  | 'psql'
  | 'tmux'
  | 'systemd --user'
  | 'ssh to itself'
  | 'control groups';

/**
 * The run that has to succeed, or the attack proves nothing: with these patches in a copy of the build, or the same attack where what
 * stands against it (the kernel, a file mode, the bytes of a program) is not in its way.
 */
export type WithoutGuard =
  | { readonly patches: readonly Patch[] }
  | { readonly control: (field: Field) => Promise<readonly Obtained[]>; readonly needs?: readonly Need[] };

export interface AttackCase {
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Decided by time, so it is tried many times. */
  readonly race?: true;
  /** It says nothing about the other way to run. */
  readonly only?: 'installed' | 'own user';
  /** The modes in which a guard stands against it, where that is not so in all. */
  readonly guardedIn?: readonly Mode[];
  /** Undefined only where nothing stands against it yet. */
  readonly withoutGuard?: WithoutGuard;
  /** Whether this was what the attacker was after; by default a deed, or the SPIFFE ID that the rule gives to others. */
  readonly won?: (obtained: Obtained, field: Field) => boolean;
  /** The traces of its victims say by themselves that the issuer is not separated from its agents. */
  readonly marked?: 'not separated';
  /** One entry for each try. */
  readonly attack: (field: Field, trials: number) => Promise<readonly Obtained[]>;
}
