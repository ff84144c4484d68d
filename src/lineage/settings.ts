/** Settings of the embedded cluster that are not PostgreSQL's defaults, with the reason where it is not plain. */
export function clusterSettings(major: number, socketFolder: string, overrides: Readonly<Record<string, string>>): string {
  const settings: Record<string, string> = {
    // What the promise of durable records rests on. Each connection checks it again.
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    // No network: one socket in a folder that only its users can enter.
    listen_addresses: '',
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    // The folder decides who can connect at all, the password who may.
    unix_socket_permissions: '0777',
    password_encryption: 'scram-sha-256',
    port: '5432',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    max_connections: '40',
    shared_buffers: '64MB',
    max_wal_size: '1GB',
    // Traces are look-ups by index: compiling their plans costs more than running them.
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    max_logical_replication_workers: '0',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    log_checkpoints: 'off',
    // Statements carry no secret, but a log of them would be a second, unprotected lineage.
    log_min_error_statement: 'panic',
    ...(major >= 18 ? { io_method: 'sync' } : {}),
    ...overrides,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return `# Written by mandate at every start.\n${lines.join('\n')}\n`;
}

/**
 * Who may connect: whoever knows a role's password (docs/adr/0003-database-authentication.md). The superuser has none, so nobody
 * connects as it.
 */
export const HOST_BASED_AUTHENTICATION = '# Written by mandate at every start.\nlocal all all scram-sha-256\n';
