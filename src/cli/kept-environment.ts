const PREFIX = 'MANDATE_KEPT_';

/**
 * The environment for a launched command: as the user had it before bin/mandate dropped NODE_*, LD_* and shell start-up files,
 * with the Workload API's address set.
 */
export function commandEnvironment(env: Readonly<Record<string, string | undefined>>, workloadApi: string): Record<string, string> {
  const given: Record<string, string> = {};
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name.startsWith(PREFIX)) kept[name.slice(PREFIX.length)] = value;
    else given[name] = value;
  }
  return { ...given, ...kept, SPIFFE_ENDPOINT_SOCKET: workloadApi };
}
