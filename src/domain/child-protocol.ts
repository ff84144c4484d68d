import type { Config } from './config';
import type { ErrorCode, Explanation } from './errors';
import type { Layout } from './layout';

/** What the supervisor and its children tell each other over the channel a child is born with. */

export interface Limits {
  /** Fresh JWT-SVIDs one process may ask for in a minute. */
  readonly jwtPerMinute: number;
}

/** The limits of every installation. */
export const LIMITS: Limits = { jwtPerMinute: 600 };

/** What a server is told of its installation; nothing of it is secret. */
export interface ServerSettings {
  readonly layout: Layout;
  readonly version: string;
  readonly trustDomain: string;
  readonly installationId: string;
  readonly httpsPort: number;
  readonly healthPort: number;
  readonly hostname: string;
  /** The database as people may see it. */
  readonly databaseDetail: string;
  readonly limits: Limits;
  /** As `up` read it: a server that is started again gets the same. */
  readonly config: Config;
}

export interface ServerStart extends ServerSettings {
  /** URL of the server role, with its password. */
  readonly databaseUrl: string;
  /** What may open the sealed authority keys, in base64: at most two, where one is being replaced. */
  readonly keySecrets: readonly string[];
}

export interface NodeStart {
  readonly layout: Layout;
  readonly version: string;
}

export interface Supervised {
  readonly name: 'server' | 'node' | 'database';
  readonly pid: number | null;
  readonly uid: number | null;
}

export type ToServer =
  | { readonly type: 'start'; readonly start: ServerStart }
  /** The node the supervisor started, by the key of its pinned process. */
  | { readonly type: 'node'; readonly key: string }
  | { readonly type: 'supervised'; readonly parts: readonly Supervised[] }
  | { readonly type: 'stop' };

export type ToNode = { readonly type: 'start'; readonly start: NodeStart } | { readonly type: 'stop' };

export type FromChild =
  /** Code is loaded and the uid dropped: secrets may come now. */
  | { readonly type: 'loaded' }
  | { readonly type: 'step'; readonly step: 'authority' | 'rule'; readonly detail: string; readonly ms: number }
  /** The keys are about to be under a seal that this opens; said before they are, so that a server that dies meanwhile can be started again. */
  | { readonly type: 'next-key-secret'; readonly secret: string }
  /** Which of the secrets opens the keys, by its place in the start; -1 where it is the one that was said last. */
  | { readonly type: 'key-secret-fits'; readonly index: number }
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly explanation: Explanation }
  | { readonly type: 'shutdown' };
