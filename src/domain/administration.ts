import type { ErrorCode } from './errors';

/** Who administers (docs/adr/0010-who-administers.md): decided from what the kernel says of the caller, never from its own word. */

/** A process on the way from a caller up to pid 1, as the kernel shows it. */
export interface SessionHop {
  /** Name of the program it last executed, or gave itself. */
  readonly name: string;
  readonly realUid: number;
  readonly effectiveUid: number;
  /** Device number of its controlling terminal; 0 where it has none. */
  readonly tty: number;
}

/**
 * How it is known that a person asked. `login`: at the terminal of a login, with nothing between that could have been handed to others.
 * `unproven`: at some terminal. `scripted`: without one, as the configuration allows. Null where root administers: there the uid decides.
 */
export type PersonProof = 'login' | 'unproven' | 'scripted';

/**
 * Programs of root's that begin a session for somebody they authenticated. Not `sudo`: it is root in every id whoever ran it, so it says
 * nothing of how its caller came to be. Not display managers: what a desktop starts is asked for over a bus that any process of the user reaches.
 */
const LOGIN_PROGRAMS: readonly string[] = ['login', 'su', 'sshd', 'sshd-session'];
/** These keep a process of the user between themselves and the terminal's first program. It has no terminal and executes nothing. */
const WITH_A_RELAY: readonly string[] = ['sshd', 'sshd-session'];

/**
 * True where every process from the caller (first in `hops`) up to a login program is on the caller's own terminal. Not true below a broker,
 * a server of the user's own that starts programs for whoever asks (tmux, `systemd --user`, a desktop's terminal server, an editor), since its
 * way up ends at pid 1 without a login; nor below a job of cron or at, whose process has no terminal; nor on a terminal that a program made.
 */
export function atLogin(hops: readonly SessionHop[]): boolean {
  const tty = hops[0]?.tty ?? 0;
  if (tty === 0) return false;
  const first = hops.findIndex((hop) => hop.realUid === 0 && hop.effectiveUid === 0);
  const login = hops[first];
  // A set-uid program keeps the real uid of whoever ran it, and may be called by any name: `newgrp` as `login`.
  if (login === undefined || !LOGIN_PROGRAMS.includes(login.name)) return false;
  const below = hops.slice(0, first);
  const relay = below.at(-1);
  const onTerminal = WITH_A_RELAY.includes(login.name) && relay?.tty === 0 && relay.name === login.name ? below.slice(0, -1) : below;
  return onTerminal.length > 0 && onTerminal.every((hop) => hop.tty === tty);
}

/** What is known of a caller of the admin API. */
export interface AdminCaller {
  readonly uid: number;
  /** It is an agent, or descends from one. */
  readonly agent: boolean;
  /** From the caller itself upwards; asked only where it decides. */
  readonly session: () => readonly SessionHop[];
}

export interface AdminPolicy {
  readonly installed: boolean;
  /** uid of the server. */
  readonly ownUid: number;
  readonly allowScripted: boolean;
}

export type AdminDecision =
  | { readonly administrator: true; readonly person: PersonProof | null }
  | { readonly administrator: false; readonly code: Extract<ErrorCode, 'E_AGENT_NOT_ADMIN' | 'E_NOT_ADMIN' | 'E_ADMIN_TERMINAL'> };

/** Decides whether this caller administers, and how it is known that a person asked. Whatever else holds, an agent never does. */
export function judgeAdministrator(caller: AdminCaller, { installed, ownUid, allowScripted }: AdminPolicy): AdminDecision {
  if (caller.agent) return { administrator: false, code: 'E_AGENT_NOT_ADMIN' };
  if (caller.uid === 0) return { administrator: true, person: null };
  if (installed || caller.uid !== ownUid) return { administrator: false, code: 'E_NOT_ADMIN' };
  const hops = caller.session();
  if ((hops[0]?.tty ?? 0) !== 0) return { administrator: true, person: atLogin(hops) ? 'login' : 'unproven' };
  return allowScripted ? { administrator: true, person: 'scripted' } : { administrator: false, code: 'E_ADMIN_TERMINAL' };
}
