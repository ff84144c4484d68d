import { MandateError } from '../domain/errors';
import { unixSocketPath } from '../domain/layout';
import type { CommandContext, Options } from './specs/spec';

/** Socket of the Workload API: `--state` wins over SPIFFE_ENDPOINT_SOCKET, which wins over the standard place. */
export function workloadSocket(context: CommandContext, options: Options): string {
  const named = context.deps.env['SPIFFE_ENDPOINT_SOCKET'];
  if (options['state'] !== undefined || named === undefined || named === '') return context.service().agentSocket;
  return socketOf(named);
}

/** Path in a `unix:` URI (SPIFFE Workload Endpoint §4). Throws E_CONFIG for anything else: the launch API is local. */
export function socketOf(uri: string): string {
  const path = unixSocketPath(uri);
  if (path !== undefined) return path;
  throw new MandateError('E_CONFIG', {
    saw: `SPIFFE_ENDPOINT_SOCKET=${uri.slice(0, 200)}`,
    fix: 'unix:///absolute/path, as `mandate status` prints it',
  });
}
