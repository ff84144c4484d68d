import { closeSync, readFileSync } from 'node:fs';
import { type Confinement, DOMAIN, noDomain } from '../domain/confinement';
import { MandateError } from '../domain/errors';
import { statusField } from '../domain/proc-text';
import { checked, errno, KernelError, lastErrno, libc } from './libc';

/**
 * A Landlock domain that handles no file and no port, and scopes abstract sockets and signals. Whoever is in it cannot trace, read the
 * memory of, take descriptors from, signal, or connect by an abstract socket to anything outside it; the children are in it, and nobody leaves.
 * No file rule is in it: one alone would forbid mounts, which the sandboxes of the agents themselves need.
 */

const CREATE_RULESET = 444;
const RESTRICT_SELF = 446;
const ASK_FOR_ABI = 1;
/** The first with scopes, Linux 6.12. */
const SCOPES_ABI = 6;
const ABSTRACT_SOCKETS = 1n;
const SIGNALS = 2n;
const ATTRIBUTES_BYTES = 24;
const SCOPED_AT = 16;

/** What `enterDomain` would achieve on this machine. */
export function possibleConfinement(): Confinement {
  const abi = libc('landlockCreate')(CREATE_RULESET, null, 0, ASK_FOR_ABI);
  if (abi < 0) return noDomain(lastErrno() === errno.EOPNOTSUPP ? 'disabled' : 'kernel');
  return abi >= SCOPES_ABI ? DOMAIN : noDomain('kernel');
}

/**
 * Puts the calling thread, and what it executes, into a domain of its own. To be called on the main thread right before exec, which ends
 * the others. The kernel asks whoever is not privileged for no_new_privs, which disarms set-uid programs. Throws E_CONFINE.
 */
export function enterDomain(): void {
  try {
    const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
    attributes.writeBigUInt64LE(ABSTRACT_SOCKETS | SIGNALS, SCOPED_AT);
    const ruleset = checked('landlockCreate', CREATE_RULESET, attributes, ATTRIBUTES_BYTES, 0);
    if (!mayAdministerSystem()) checked('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    checked('landlockRestrict', RESTRICT_SELF, ruleset, 0);
    closeSync(ruleset);
  } catch (cause) {
    const saw = cause instanceof KernelError ? `${cause.call}: ${cause.code}` : String(cause);
    throw new MandateError('E_CONFINE', { saw, fix: 'start it from outside other sandboxes, or with --no-confine' }, { cause });
  }
}

const PR_SET_NO_NEW_PRIVS = 38;
const CAP_SYS_ADMIN = 21n;

const mayAdministerSystem = (): boolean => {
  const capabilities = statusField(readFileSync('/proc/self/status', 'latin1'), 'CapEff') ?? '0';
  return ((BigInt(`0x${capabilities}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
};
