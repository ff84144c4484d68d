import { MandateError } from '../domain/errors';
import { checkSocketPath } from '../domain/layout';
import type { CommandContext, Options } from './specs/spec';

/** Socket of the Workload API: `--state` wins over SPIFFE_ENDPOINT_SOCKET, which wins over the standard place. */
export function workloadSocket(context: CommandContext, options: Options): string {
  const named = context.deps.env['SPIFFE_ENDPOINT_SOCKET'];
  if (options['state'] !== undefined || named === undefined || named === '') return context.layout().agentSocket;
  return socketOf(named);
}

/** Path in a `unix:` URI (SPIFFE Workload Endpoint §4). Throws E_CONFIG for anything else: the launch API is local. */
export function socketOf(uri: string): string {
  const path = /^unix:(?:\/\/)?(\/(?!\/)[^?#]*)$/.exec(uri)?.[1];
  const decoded = path === undefined ? undefined : percentDecoded(path);
  if (decoded === undefined || decoded === '/' || decoded.includes('\0')) {
    throw new MandateError('E_CONFIG', {
      saw: `SPIFFE_ENDPOINT_SOCKET=${uri.slice(0, 200)}`,
      fix: 'unix:///absolute/path, as `mandate status` prints it',
    });
  }
  checkSocketPath(decoded);
  return decoded;
}

function percentDecoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
