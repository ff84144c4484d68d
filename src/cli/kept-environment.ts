const PREFIX = 'MANDATE_KEPT_';
/** What bin/mandate noted of its start before Node changed it: the soft limit of open files, and which signals are ignored, in hex. */
const STARTED_WITH = 'MANDATE_STARTED_WITH';
const ENDPOINT = 'SPIFFE_ENDPOINT_SOCKET';

/** The environment of a launched command and what it is to be started with; `NAME=value`, bytes as they came. */
export interface KeptEnvironment {
  readonly env: readonly Buffer[];
  readonly startedWith: string | undefined;
}

/** The environment as the user had it before bin/mandate dropped NODE_*, LD_* and shell start-up files. */
export function keptEnvironment(given: readonly Buffer[]): KeptEnvironment {
  const env: Buffer[] = [];
  let startedWith: string | undefined;
  for (const entry of given) {
    const name = nameOfVariable(entry);
    if (name === STARTED_WITH) startedWith = entry.subarray(STARTED_WITH.length + 1).toString('latin1');
    else env.push(name.startsWith(PREFIX) ? entry.subarray(PREFIX.length) : entry);
  }
  return { env, startedWith };
}

/** The environment of a launched command: the user's own, with the Workload API's address set. */
export const withWorkloadApi = (env: readonly Buffer[], workloadApi: string): readonly Buffer[] => [
  ...env.filter((entry) => nameOfVariable(entry) !== ENDPOINT),
  Buffer.from(`${ENDPOINT}=${workloadApi}`),
];

/** The environment of psql: the user's own, but no setting of libpq that could send the password elsewhere. */
export const withConnection = (env: readonly Buffer[], connection: Readonly<Record<string, string>>): readonly Buffer[] => [
  ...env.filter((entry) => !nameOfVariable(entry).startsWith('PG')),
  ...Object.entries(connection).map(([name, value]) => Buffer.from(`${name}=${value}`)),
];

/** What stands before the `=`. */
export function nameOfVariable(entry: Buffer): string {
  const end = entry.indexOf('=');
  return entry.toString('latin1', 0, end < 0 ? entry.length : end);
}
