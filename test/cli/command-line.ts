import path from 'node:path';
import type { CliDeps, Launcher, Supervisor } from '../../src/cli/ports';
import { runCli } from '../../src/cli/program';
import type { Layout } from '../../src/domain/layout';
import type { Clock } from '../../src/domain/ports';
import { systemClock } from '../../src/system/clock';

export const ROOT = path.resolve(__dirname, '../..');

/** The instant at which tests read their answers. */
export const NOW = Date.parse('2026-03-01T10:00:00Z');

/** Timers of the machine, the time of day of the tests. */
export const clock: Clock = { ...systemClock, nowMs: () => NOW };

export interface Said {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  readonly socket?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly terminal?: boolean;
  readonly cwd?: string;
  readonly deps?: Partial<CliDeps>;
}

/** Carries out one command line in this process, against the service at `socket`, and returns everything it said. */
export async function mandate(argv: readonly string[], world: World = {}): Promise<Said> {
  let out = '';
  let err = '';
  const stream = (write: (chunk: string) => void) => ({ write, on: () => undefined, isTTY: world.terminal === true });
  const exit = await runCli({
    argv,
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...world.env },
    cwd: world.cwd ?? ROOT,
    uid: 1000,
    version: '0.1.0',
    root: ROOT,
    program: { node: process.execPath, main: '/nonexistent/main.js' },
    // The deadline of a call is a time of day for gRPC: it has to be the machine's.
    clock: world.deps?.clock ?? systemClock,
    stdin: () => process.stdin,
    stdout: stream((chunk) => (out += chunk)),
    stderr: stream((chunk) => (err += chunk)),
    layoutFor: (state) => layoutAt(world.socket ?? '/nonexistent/mandate.sock', state),
    machine: () => undefined,
    supervisor: () => notWired<Supervisor>('supervisor'),
    database: () => notWired('database'),
    launcher: () => notWired<Launcher>('launcher'),
    onInterrupt: () => () => undefined,
    ...world.deps,
  });
  return { exit, out, err };
}

export function layoutAt(socket: string, state = '/nonexistent'): Layout {
  return {
    mode: 'own-user',
    state,
    run: path.dirname(socket),
    installationFile: `${state}/installation.json`,
    lockFile: `${state}/lock`,
    configFile: `${state}/mandate.yaml`,
    keys: `${state}/server/keys`,
    database: `${state}/database`,
    databaseRun: `${state}/db`,
    secrets: `${state}/secrets`,
    ownUids: `${state}/own-uids.json`,
    logs: `${state}/log`,
    agentSocket: socket,
    adminSocket: socket,
    linkSocket: socket,
    launchGroups: 'mandate.launches',
  };
}

function notWired<T>(what: string): T {
  throw new Error(`this test has no ${what}`);
}
