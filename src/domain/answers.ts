import type { Check } from './doctor';
import type { ErrorCode } from './errors';
import type { KeyHomeKind, SealedHome } from './key-seal';
import type { AuthorityKind, AuthorityStage } from './authority-row';

/**
 * The JSON documents that `-o json` prints and the Admin service answers with: one contract (docs/schema), closed enums, null for
 * what is not known. Instants are RFC 3339 UTC, serials 32 lower-case hex digits.
 */

export interface StatusAnswer {
  readonly trustDomain: string;
  /** Value for SPIFFE_ENDPOINT_SOCKET. */
  readonly workloadApi: string;
  /** The `https_spiffe` endpoint, as it is reached on this machine. */
  readonly bundleUrl: string;
  /** The `https_web` endpoint by its public name; null where none is configured. */
  readonly webBundleUrl: string | null;
  /** The OpenID Connect issuer that JWT-SVIDs name; null where none is configured. */
  readonly oidcIssuer: string | null;
  readonly healthUrl: string;
  readonly metricsUrl: string;
  readonly ready: boolean;
  /** Whether the issuer is out of reach for the caller's own processes. */
  readonly separated: boolean;
  readonly mode: 'installed' | 'own-user';
  readonly version: string;
  readonly installation: string;
  /** Where the authority keys rest. */
  readonly keys: KeyHomeKind;
  readonly parts: readonly StatusPart[];
  /** What a reader should know and cannot see above; one sentence each. */
  readonly notes: readonly string[];
}

export interface StatusPart {
  readonly name: 'server' | 'node' | 'database';
  readonly state: 'ready' | 'starting' | 'down';
  readonly pid: number | null;
  readonly uid: number | null;
  readonly detail: string;
}

export interface SvidAnswer {
  readonly svids: readonly X509SvidItem[];
}

export interface X509SvidItem {
  readonly spiffeId: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly hint: string;
}

export interface JwtSvidAnswer {
  readonly svids: readonly JwtSvidItem[];
}

export interface JwtSvidItem {
  readonly spiffeId: string;
  /** The `jti`. */
  readonly serial: string;
  readonly audience: readonly string[];
  readonly notAfter: string;
  readonly hint: string;
  readonly token: string;
}

export interface BundleAnswer {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly refreshHintSeconds: number;
  readonly authorities: readonly {
    readonly kind: AuthorityKind;
    readonly keyId: string;
    readonly stage: AuthorityStage;
    readonly notBefore: string;
    readonly notAfter: string;
  }[];
  /** X.509 authorities. */
  readonly pem: string;
  /** SPIFFE bundle document and JWK Set, as the bundle endpoint and the Workload API publish them. */
  readonly spiffe: Readonly<Record<string, unknown>>;
  readonly jwks: Readonly<Record<string, unknown>>;
}

export interface VerifyAnswer {
  readonly verified: true;
  readonly kind: 'x509-svid' | 'jwt-svid';
  readonly spiffeId: string;
  readonly serial: string | null;
  readonly notBefore: string | null;
  readonly notAfter: string;
  readonly audience: readonly string[];
  /** Where the bundle came from: a file name, or `service`. */
  readonly bundle: string;
}

export interface DatabaseStatusAnswer {
  readonly source: 'embedded' | 'external';
  readonly version: string;
  readonly migrations: readonly { readonly name: string; readonly applied: boolean }[];
  readonly pending: number;
}

export interface MigrateAnswer {
  readonly applied: readonly string[];
  readonly already: number;
}

export interface ConfigAnswer {
  /** Where the file is, or would be. */
  readonly file: string;
  readonly values: readonly {
    readonly key: string;
    /** null where nothing is set. */
    readonly value: boolean | number | string | null;
    readonly source: 'default' | 'file';
    /** Line of the file that set it; null where the default holds. */
    readonly line: number | null;
  }[];
}

export interface DoctorAnswer {
  /** No check failed. */
  readonly healthy: boolean;
  readonly checks: readonly Check[];
}

export interface SealAnswer {
  readonly home: SealedHome;
  readonly keys: number;
  /** Files of the way before that are still there. */
  readonly left: number;
}

export interface DownAnswer {
  readonly stopped: boolean;
  readonly wasRunning: boolean;
}

export interface UpAnswer {
  readonly ready: true;
  readonly trustDomain: string;
  readonly workloadApi: string;
  readonly bundleUrl: string;
  readonly separated: boolean;
  readonly readyMs: number;
}

export interface InstallAnswer {
  /** Nothing was changed. */
  readonly dryRun: boolean;
  /** `/`, or the tree that was named. */
  readonly root: string;
  readonly nothingToDo: boolean;
  readonly accounts: readonly string[];
  readonly folders: readonly string[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly commands: readonly string[];
  /** What is left for a person to do; one sentence each. */
  readonly byHand: readonly string[];
}

export interface UninstallAnswer {
  readonly dryRun: boolean;
  readonly root: string;
  readonly removed: boolean;
  readonly files: readonly string[];
  readonly accounts: readonly string[];
  /** Folders of state that go with everything in them. */
  readonly state: readonly string[];
  /** Files of ours that were edited and stay. */
  readonly kept: readonly string[];
}

export interface VersionAnswer {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
}

/** How one condition of the closest rule fared. `expected` is told to administrators only. */
export interface ConditionItem {
  readonly selector: string;
  readonly holds: boolean;
  readonly seen: string;
  readonly expected: readonly string[] | null;
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  /** The command that explains the code. */
  readonly help: string;
  readonly saw?: string;
  readonly why?: string;
  readonly fix?: string;
  /** Reference that finds a refusal in the records. */
  readonly request?: string;
  readonly rule?: string;
  readonly ruleVersion?: number;
  readonly conditions?: readonly ConditionItem[];
}

export interface ErrorAnswer {
  readonly error: ErrorBody;
}
