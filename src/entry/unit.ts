import { readFileSync } from 'node:fs';
import { MandateError, asMandateError } from '../domain/errors';
import { type Layout, layoutOf } from '../domain/layout';
import type { Log } from '../domain/ports';
import { existingInstallation, type InstallationFile } from '../supervisor/installation';
import type { IssuerAccounts } from '../supervisor/issuer-accounts';
import { errnoOf } from '../system/errno';
import { systemClock } from '../system/clock';
import { compileEarly } from '../system/compile-early';
import { notifyReady } from '../system/service-manager';

/** How long an orderly end may take before the process ends anyway. */
const CLOSE_MS = 5_000;

/** What every part that systemd starts knows of the installation: the same for all of them, whatever their own uid is. */
export interface Unit {
  readonly layout: Layout;
  readonly installation: InstallationFile;
  readonly accounts: IssuerAccounts;
}

/** Where an installed Mandate is: the standard place, unless the unit says otherwise. */
export const installedLayout = (): Layout =>
  layoutOf({ uid: 0, state: process.env['MANDATE_STATE'], home: '/', xdgStateHome: undefined, xdgRuntimeDir: undefined });

/** The installation, for a part that is to run under `uid`. Throws E_INSTALL where it runs under another, as after a copy from another machine. */
export function unitOf(uid: (accounts: IssuerAccounts) => number): Unit {
  const layout = installedLayout();
  const installation = existingInstallation(layout);
  const { accounts } = installation;
  const own = process.geteuid?.() ?? -1;
  if (accounts === null || uid(accounts) !== own) {
    throw new MandateError('E_INSTALL', {
      saw: `this part runs under uid ${own}; ${layout.installationFile} names ${accounts === null ? 'none' : uid(accounts)}`,
      why: 'the state folder was made by parts under other uids',
      fix: 'give the accounts mandate and mandate-db these uids, or move the state folder aside',
    });
  }
  return { layout, installation, accounts };
}

/** The folder in which systemd puts secrets for this part alone. */
export function credentials(): string {
  const folder = process.env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined) throw new MandateError('E_INSTALL', { saw: 'no CREDENTIALS_DIRECTORY', fix: 'start it by its unit' });
  return folder;
}

/** One of those secrets, without the newline that ends a text; undefined where the unit names none. */
export function credential(name: string, most: number): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`${credentials()}/${name}`);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new MandateError('E_INSTALL', { saw: `credential ${name}: ${errnoOf(cause)}` }, { cause });
  }
  if (bytes.length > most) throw new MandateError('E_INSTALL', { saw: `credential ${name} of ${bytes.length} bytes` });
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

/**
 * Runs a part that systemd started: it is told when the part is ready, ends the part by SIGTERM, and starts it again where it fails.
 * `start` is given what ends the part with a reason.
 */
export function runUnit(log: Log, start: (fail: (thrown: unknown) => void) => Promise<{ close(): Promise<void> }>): void {
  let running: { close(): Promise<void> } | undefined;
  let ending = false;
  const end = (status: number) => {
    if (ending) return;
    ending = true;
    const exit = () => process.exit(status);
    systemClock.after(CLOSE_MS, exit);
    (running?.close() ?? Promise.resolve()).then(exit, exit);
  };
  const fail = (thrown: unknown) => {
    const error = asMandateError(thrown);
    log.error({ err: error, cause: error.cause, code: error.code, ...error.explanation }, 'cannot go on');
    end(1);
  };
  process.on('SIGTERM', () => end(0));
  process.on('SIGINT', () => end(0));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const notify = process.env['NOTIFY_SOCKET'];
  // Not for what we start.
  delete process.env['NOTIFY_SOCKET'];
  Promise.resolve()
    .then(() => start(fail))
    .then((started) => {
      running = started;
      compileEarly();
      notifyReady(notify);
    })
    .catch(fail);
}
