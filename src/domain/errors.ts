/** gRPC status numbers this project answers with (google.rpc.Code). */
export const GRPC = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
} as const;

/** Exit codes of the CLI; `mandate help exit-codes` prints them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  refused: 3,
  notAllowed: 4,
  unreachable: 5,
  notVerified: 6,
  notFound: 7,
  timedOut: 8,
  /** Reserved for an answer that is older than was asked for; no command of this version ends with it. */
  stale: 9,
  integrity: 10,
  runFailed: 125,
  notExecutable: 126,
  commandNotFound: 127,
} as const;

interface Entry {
  /** One sentence for people; never interpolated with what came from outside. */
  readonly message: string;
  readonly grpc: (typeof GRPC)[keyof typeof GRPC];
  readonly exit: (typeof EXIT)[keyof typeof EXIT];
}

const entry = (message: string, grpc: keyof typeof GRPC, exit: keyof typeof EXIT): Entry => ({
  message,
  grpc: GRPC[grpc],
  exit: EXIT[exit],
});

/** Every failure that has a name. docs/errors.md has one section per code; a test holds the two together. */
export const CATALOGUE = {
  // identities
  E_NO_RULE: entry('no identity for this process', 'permissionDenied', 'refused'),
  E_ASSURANCE: entry('the evidence is weaker than the rule requires', 'permissionDenied', 'refused'),
  E_CONNECTION_HOLDERS: entry('not this process alone is known to hold its connection', 'permissionDenied', 'refused'),
  E_CONNECTION_UNSEEN: entry('a rule asks who holds the connection, and nobody looked', 'permissionDenied', 'refused'),
  E_TEMPLATE_VALUE: entry('the SPIFFE ID template has no usable value for this process', 'permissionDenied', 'refused'),
  E_AUDIENCE: entry('the rule does not list this audience', 'permissionDenied', 'refused'),
  E_NO_AUDIENCES: entry('the rule lists no audiences, so it gives no JWT-SVID', 'permissionDenied', 'refused'),
  E_AUDIENCE_ALGORITHMS: entry('the audiences take tokens of different algorithms', 'permissionDenied', 'refused'),
  E_LIFETIME: entry('no lifetime is left to issue for', 'permissionDenied', 'refused'),
  E_DELEGATION_ENDED: entry('the delegation this agent acted under has ended', 'permissionDenied', 'refused'),
  E_LAUNCH_ENDED: entry('the launch this process belonged to has ended', 'permissionDenied', 'refused'),
  E_NOT_YOURS: entry('this SPIFFE ID is not one of the caller', 'permissionDenied', 'refused'),
  E_RS256_UNPUBLISHED: entry('verifiers do not know the RS256 key yet', 'unavailable', 'refused'),
  E_RATE_LIMITED: entry('too many fresh JWT-SVIDs for one process in a minute', 'unavailable', 'refused'),
  // the peer
  E_PEER_GONE: entry('the process ended before it was answered', 'unavailable', 'refused'),
  E_PEER_OTHER_USER: entry('this node attests the processes of its own user only', 'permissionDenied', 'refused'),
  E_PEER_NAMESPACE: entry('the process is not visible in the pid namespace of the node', 'permissionDenied', 'refused'),
  E_PEER_SENDER: entry('the request was written by another process than the one that connected', 'permissionDenied', 'refused'),
  E_PEER_EXEC: entry('the process executed another program after it was attested', 'permissionDenied', 'refused'),
  E_PEER_CREDENTIALS: entry('the user or group of the process changed after it connected', 'permissionDenied', 'refused'),
  E_PEER_LAYOUT: entry('the process runs without address randomisation, which would hide a later exec', 'permissionDenied', 'refused'),
  E_PEER_TRACED: entry('the process is being traced by another one', 'permissionDenied', 'refused'),
  E_PEER_LIMIT: entry('too many connections from one user or process', 'unavailable', 'refused'),
  E_PEER_CALLS: entry('too many calls under way for one user or process', 'resourceExhausted', 'refused'),
  E_ATTEST_UNREADABLE: entry('the process may not be read by this node', 'permissionDenied', 'refused'),
  E_ATTEST_TOO_LARGE: entry('the program is larger than the node hashes', 'permissionDenied', 'refused'),
  E_ATTEST_CHANGED: entry('the program changed while it was measured', 'unavailable', 'refused'),
  E_ATTEST_FAILED: entry('the process could not be attested', 'unavailable', 'refused'),
  // requests
  E_SECURITY_HEADER: entry('security header missing from request', 'invalidArgument', 'usage'),
  E_REQUEST: entry('the request is not well formed', 'invalidArgument', 'usage'),
  E_UNIMPLEMENTED: entry('this call is not served here', 'unimplemented', 'failure'),
  E_TOKEN: entry('the token is not a valid JWT-SVID here', 'invalidArgument', 'notVerified'),
  // services that import mandate/verify
  E_PEER_NOT_ALLOWED: entry('the peer is not among those that are allowed here', 'permissionDenied', 'notAllowed'),
  E_BUNDLE_STALE: entry('the trust bundle is older than is allowed here', 'unavailable', 'stale'),
  // availability
  E_STARTING: entry('the service is still starting', 'unavailable', 'unreachable'),
  E_SERVER_DOWN: entry('the node cannot reach its server', 'unavailable', 'unreachable'),
  E_NODE_DOWN: entry('no node is connected to the server', 'unavailable', 'unreachable'),
  E_NOT_RUNNING: entry('nothing answers on the socket', 'unavailable', 'unreachable'),
  E_OVERLOADED: entry('the service has more work queued than it accepts', 'unavailable', 'unreachable'),
  E_TIMEOUT: entry('no answer came in time', 'deadlineExceeded', 'timedOut'),
  E_DB_DOWN: entry('the database cannot be reached', 'unavailable', 'unreachable'),
  E_LINEAGE_NOT_DURABLE: entry('the lineage record could not be made durable, so nothing was issued', 'unavailable', 'unreachable'),
  // database
  E_DB_UNSAFE: entry('the database does not keep what it has acknowledged', 'failedPrecondition', 'failure'),
  E_DB_ROLE: entry('the database role is not the one that is needed here', 'failedPrecondition', 'failure'),
  E_DB_SCHEMA: entry('the database schema is not the one this version needs', 'failedPrecondition', 'failure'),
  E_DB_MIGRATION: entry('a migration failed', 'failedPrecondition', 'failure'),
  E_DB_VERSION: entry('the cluster was made by another major version of PostgreSQL', 'failedPrecondition', 'failure'),
  E_DB_BINARIES: entry('no usable PostgreSQL binaries on this machine', 'failedPrecondition', 'failure'),
  E_DB_START: entry('PostgreSQL did not start', 'failedPrecondition', 'failure'),
  E_DB_URL: entry('the database address is not usable', 'invalidArgument', 'usage'),
  E_NO_PSQL: entry('psql is not installed on this machine', 'failedPrecondition', 'failure'),
  // this installation
  E_STATE_IN_USE: entry('another mandate runs on this state folder', 'failedPrecondition', 'failure'),
  E_STATE_PERMISSIONS: entry('a state file or folder can be changed or read by others', 'failedPrecondition', 'failure'),
  E_STATE_MISMATCH: entry('the state folder and the database belong to different installations', 'failedPrecondition', 'failure'),
  E_STATE_UNREACHABLE: entry('the state folder cannot be reached by the accounts that need it', 'failedPrecondition', 'failure'),
  E_SOCKET_PATH: entry('the socket path is longer than 100 bytes', 'failedPrecondition', 'failure'),
  E_SOCKET_IN_USE: entry('something else listens on the socket', 'failedPrecondition', 'failure'),
  E_PORT_IN_USE: entry('something else listens on the port', 'failedPrecondition', 'failure'),
  E_UID_IN_USE: entry('a foreign process runs under a uid reserved for the issuer', 'failedPrecondition', 'failure'),
  E_INSTALL: entry('the installation on this machine cannot be made or removed like this', 'failedPrecondition', 'failure'),
  E_UNITS: entry('systemd starts and ends the parts of this installation', 'failedPrecondition', 'failure'),
  E_CHILD_FAILED: entry('a part of mandate keeps failing before it is ready', 'failedPrecondition', 'failure'),
  E_DEBUGGER: entry('a debugger is attached or asked for', 'failedPrecondition', 'failure'),
  E_PLATFORM: entry('this platform lacks something mandate cannot do without', 'failedPrecondition', 'failure'),
  E_CONFIG: entry('the configuration is not usable', 'invalidArgument', 'usage'),
  E_KEY_FILE: entry('an authority key file is missing, damaged or readable by others', 'failedPrecondition', 'failure'),
  E_KEY_SEALED: entry('the authority keys are sealed, and what opens them was not given', 'failedPrecondition', 'failure'),
  E_KEY_PASSPHRASE: entry('what was given does not open the authority keys', 'failedPrecondition', 'failure'),
  E_KEY_SEAL: entry('the authority keys cannot be sealed like this', 'failedPrecondition', 'failure'),
  E_PASSPHRASE: entry('the passphrase cannot be used', 'invalidArgument', 'usage'),
  // a remote signer
  E_SIGNER_DOWN: entry('the signer of the authority keys cannot be reached, or does not answer', 'unavailable', 'unreachable'),
  E_SIGNER_REFUSED: entry('the signer of the authority keys refused', 'unavailable', 'unreachable'),
  E_SIGNER_CREDENTIAL: entry('what this server shows the signer of the authority keys cannot be used', 'unavailable', 'unreachable'),
  E_SIGNER_KEY: entry('the signer does not have the key of an authority', 'unavailable', 'unreachable'),
  E_SIGNER_ANSWER: entry('the signer of the authority keys answered something that is not what was asked for', 'internal', 'integrity'),
  E_WEB_CERTIFICATE: entry('the certificate or key of the web endpoint cannot be used', 'failedPrecondition', 'failure'),
  E_AUTHORITY_STAGE: entry('the authority is not in a stage that allows this', 'failedPrecondition', 'failure'),
  E_AUTHORITY_UNPUBLISHED: entry('the authority has not been published for long enough', 'failedPrecondition', 'failure'),
  E_AUTHORITY_IN_USE: entry('what the authority signed is still in use', 'failedPrecondition', 'failure'),
  E_AUTHORITY_LIFETIME: entry('authorities would live less than six times as long as what they sign', 'failedPrecondition', 'failure'),
  E_AUTHORITY_TAINTED: entry('the authority was tainted while it was asked to sign', 'unavailable', 'unreachable'),
  E_SELF_CHECK: entry('what was signed is not what was planned, so it was discarded', 'internal', 'integrity'),
  // people
  E_AGENT_NOT_ADMIN: entry('agents and their descendants do not administer mandate', 'permissionDenied', 'notAllowed'),
  E_NOT_ADMIN: entry('this user does not administer this installation', 'permissionDenied', 'notAllowed'),
  E_ADMIN_TERMINAL: entry('this installation is administered from a terminal only', 'permissionDenied', 'notAllowed'),
  E_RULE_INVALID: entry('the rule file is not valid', 'invalidArgument', 'failure'),
  E_MANIFEST_INVALID: entry('the manifest is not valid', 'invalidArgument', 'failure'),
  E_MANIFEST_KEY: entry('the key cannot be used for manifests', 'invalidArgument', 'failure'),
  E_MANIFEST_SIGNATURE: entry('no trusted key signed the manifest', 'permissionDenied', 'notVerified'),
  E_MANIFEST_ROLLBACK: entry('the manifest is not newer than the one in force', 'failedPrecondition', 'failure'),
  E_MANIFEST_EXPIRED: entry('the manifest has expired', 'failedPrecondition', 'notVerified'),
  E_MANIFEST_EXISTS: entry('there is a manifest of this name already', 'alreadyExists', 'failure'),
  E_FEDERATION_INVALID: entry('the relationship to a trust domain cannot be had like this', 'invalidArgument', 'failure'),
  E_FEDERATION_EXISTS: entry('there is a relationship to this trust domain already', 'alreadyExists', 'failure'),
  E_FEDERATION_UNREACHABLE: entry('the bundle endpoint of the partner gives no bundle', 'unavailable', 'unreachable'),
  E_FEDERATION_ENDPOINT: entry('the bundle endpoint is not known to be that of the partner', 'permissionDenied', 'notVerified'),
  E_FEDERATION_BUNDLE: entry('the bundle of the partner cannot be used', 'failedPrecondition', 'failure'),
  E_FEDERATION_ROLLBACK: entry('the bundle of the partner is older than the one in force', 'failedPrecondition', 'failure'),
  E_NOT_FOUND: entry('no such thing', 'notFound', 'notFound'),
  E_AMBIGUOUS: entry('the reference fits more than one', 'notFound', 'notFound'),
  E_NOT_VERIFIED: entry('it did not verify', 'permissionDenied', 'notVerified'),
  E_INTEGRITY: entry('the stored bytes do not match their digest', 'dataLoss', 'integrity'),
  E_USAGE: entry('the command line is not understood', 'invalidArgument', 'usage'),
  E_RUN: entry('the launch failed before the command was started', 'internal', 'runFailed'),
  E_CONFINE: entry('the command could not be confined', 'internal', 'runFailed'),
  E_OWN_UID: entry('the command could not be started under a uid of its own', 'failedPrecondition', 'runFailed'),
  E_FILES: entry('the identity could not be put into files', 'failedPrecondition', 'runFailed'),
  E_RUN_NOT_EXECUTABLE: entry('the command cannot be executed', 'failedPrecondition', 'notExecutable'),
  E_RUN_NOT_FOUND: entry('the command was not found', 'notFound', 'commandNotFound'),
  E_INTERNAL: entry('something went wrong inside mandate', 'internal', 'failure'),
} as const satisfies Record<`E_${string}`, Entry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** What is shown beside the code: never a secret, never unbounded. */
export interface Explanation {
  /** What was seen. */
  readonly saw?: string;
  /** Why that is not enough. */
  readonly why?: string;
  /** What to do about it. For an agent: whom to ask, never the command that would let it in. */
  readonly fix?: string;
}

/** The one error class that crosses layers. `cause` stays inside the process that threw it. */
export class MandateError extends Error {
  override readonly name = 'MandateError';

  constructor(
    readonly code: ErrorCode,
    readonly explanation: Explanation = {},
    options?: { cause?: unknown },
  ) {
    super(CATALOGUE[code].message, options);
  }

  get grpcStatus(): number {
    return CATALOGUE[this.code].grpc;
  }

  get exitCode(): number {
    return CATALOGUE[this.code].exit;
  }
}

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(CATALOGUE, text);

/** Any thrown value as a MandateError; what is not one of ours becomes E_INTERNAL and keeps its cause for the log. */
export const asMandateError = (thrown: unknown): MandateError =>
  thrown instanceof MandateError ? thrown : new MandateError('E_INTERNAL', {}, { cause: thrown });
