import { createHash } from 'node:crypto';
import { MandateError } from './errors';

/** Where one installation keeps what it keeps and listens where it listens. All paths absolute. */
export interface Layout {
  /** `installed`: root, parts under uids of their own. `own-user`: everything under the uid of whoever started it. */
  readonly mode: 'installed' | 'own-user';
  readonly state: string;
  readonly run: string;
  /** Fixed at first start: id, trust domain, uids, ports. No secret. */
  readonly installationFile: string;
  readonly lockFile: string;
  /** What an administrator decided (domain/config.ts); need not be there. */
  readonly configFile: string;
  /** Authority keys, 0600 files of the server's uid. */
  readonly keys: string;
  readonly database: string;
  readonly databaseRun: string;
  /** Passwords of the database roles. */
  readonly secrets: string;
  /** Which uid belongs to which launch; the node's. */
  readonly ownUids: string;
  readonly logs: string;
  readonly agentSocket: string;
  readonly adminSocket: string;
  readonly linkSocket: string;
  /** Folder of the control groups of launches, by its name: one for each state folder, so that none clears away another's. */
  readonly launchGroups: string;
}

const LAUNCH_GROUPS = 'mandate.launches';

/** Longest socket path that every kernel interface takes whole; Node 20 cuts longer ones silently. */
export const MAX_SOCKET_PATH_BYTES = 100;

export interface LayoutInput {
  readonly uid: number;
  /** `--state` or MANDATE_STATE; absolute. */
  readonly state: string | undefined;
  readonly home: string;
  readonly xdgStateHome: string | undefined;
  readonly xdgRuntimeDir: string | undefined;
}

/** Decides all paths from who runs it and where the state is. Throws E_SOCKET_PATH before anything is created. */
export function layoutOf(input: LayoutInput): Layout {
  const installed = input.uid === 0;
  const standardState = installed ? '/var/lib/mandate' : `${input.xdgStateHome ?? `${input.home}/.local/state`}/mandate`;
  const state = input.state ?? standardState;
  const standardRun = installed ? '/run/mandate' : input.xdgRuntimeDir && `${input.xdgRuntimeDir}/mandate`;
  const run = (state === standardState && standardRun) || `${state}/run`;
  const layout: Layout = {
    mode: installed ? 'installed' : 'own-user',
    state,
    run,
    installationFile: `${state}/installation.json`,
    lockFile: `${state}/lock`,
    configFile: `${state}/mandate.yaml`,
    keys: `${state}/server/keys`,
    database: `${state}/database`,
    databaseRun: `${run}/db`,
    secrets: `${state}/secrets`,
    ownUids: `${state}/own-uids.json`,
    logs: `${state}/log`,
    agentSocket: `${run}/agent/agent.sock`,
    adminSocket: `${run}/admin/admin.sock`,
    linkSocket: `${run}/link/link.sock`,
    launchGroups:
      state === standardState ? LAUNCH_GROUPS : `${LAUNCH_GROUPS}-${createHash('sha256').update(state).digest('hex').slice(0, 12)}`,
  };
  for (const path of [layout.agentSocket, layout.adminSocket, layout.linkSocket, `${layout.databaseRun}/.s.PGSQL.5432`])
    checkSocketPath(path);
  return layout;
}

/**
 * The absolute path in a `unix:` URI (SPIFFE Workload Endpoint §4), or undefined. Scanned by hand: a URL parser would fold and decode what has to be refused.
 * Throws E_SOCKET_PATH for a path that the kernel would cut.
 */
export function unixSocketPath(uri: string): string | undefined {
  const written = /^unix:(?:\/\/)?(\/[^/?#][^?#]*)$/.exec(uri)?.[1];
  const path = written === undefined ? undefined : percentDecoded(written);
  if (path === undefined || path.includes('\0')) return undefined;
  checkSocketPath(path);
  return path;
}

function percentDecoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Throws E_SOCKET_PATH for a path that the kernel would cut. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new MandateError('E_SOCKET_PATH', { saw: `${bytes} bytes: ${path}`, fix: 'choose a shorter state folder with --state' });
  }
}
