import type { ConfigPlace } from './config';
import type { Layout } from './layout';

/** What the command line asks of the supervisor behind `mandate up`, and what it is told. */

/** Which database is meant: the one named, else the installation's own. */
export interface DatabaseChoice {
  readonly layout: Layout;
  /** `--db` or DATABASE_URL: the server role on another PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** `--db-owner`: the owner role, for migrations. */
  readonly ownerUrl: string | undefined;
}

/** What one start is told. */
export interface StartChoice extends DatabaseChoice {
  readonly config: ConfigPlace;
  /** What opens the sealed authority keys; the supervisor keeps it for restarts of the server, and wipes it when it ends. */
  readonly keySecret?: Buffer | undefined;
}

export type UpStep = 'installation' | 'database' | 'authority' | 'node' | 'rule' | 'server';

/**
 * One change of one step. `installation` is done as soon as the trust domain is known (its `detail`); after Ready only `restarted`
 * and `failed` come, naming the part that ended in `step`, and `done` once it runs again.
 */
export interface UpEvent {
  readonly step: UpStep;
  readonly state: 'running' | 'done' | 'failed' | 'restarted';
  /** What a person should know about it: one line, no secret. */
  readonly detail: string;
  readonly ms: number;
}

export interface ReadyInfo {
  readonly trustDomain: string;
  /** Value for SPIFFE_ENDPOINT_SOCKET. */
  readonly workloadApi: string;
  readonly bundleUrl: string;
  readonly separated: boolean;
  readonly ms: number;
}

export interface RunningService {
  readonly ready: ReadyInfo;
  /** Resolves when everything has ended as asked; rejects with the MandateError that ended it. */
  readonly ended: Promise<void>;
  /** Begins an orderly end; `ended` tells when it is done. */
  stop(): void;
}
