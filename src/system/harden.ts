import { url as inspectorUrl } from 'node:inspector';
import { constants } from 'node:os';
import { MandateError } from '../domain/errors';
import { disposeSignal, setDumpable } from './this-process';

const DEBUGGER_OPTION = /^--(inspect|debug)/;

/**
 * Shuts the doors that Node leaves open to any process of the same user: the debugger that SIGUSR1 opens, and reading memory, environment
 * and descriptors. To be called before any secret is read, by every process anew: an exec undoes it.
 * Throws E_DEBUGGER where a debugger already listens or was asked for.
 */
export function harden(): void {
  disposeSignal(constants.signals.SIGUSR1, 'ignore');
  setDumpable(false);
  refuseDebugger(inspectorUrl(), process.execArgv);
}

/** Throws E_DEBUGGER; apart from `harden` so that it can be tried without hardening whoever tries it. */
export function refuseDebugger(url: string | undefined, options: readonly string[]): void {
  const asked = options.find((option) => DEBUGGER_OPTION.test(option));
  if (url !== undefined || asked !== undefined) {
    throw new MandateError('E_DEBUGGER', { saw: asked ?? 'an open inspector', fix: 'start it without --inspect, also in NODE_OPTIONS' });
  }
}
