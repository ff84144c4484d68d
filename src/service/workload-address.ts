import { isIP } from 'node:net';
import { MandateError } from '../domain/errors';
import { unixSocketPath } from '../domain/layout';

/**
 * The gRPC target of a SPIFFE_ENDPOINT_SOCKET value (SPIFFE Workload Endpoint §4): `unix:` and an absolute path, or `tcp://`, an IP address and
 * a port. Throws E_CONFIG, and E_SOCKET_PATH for a path the kernel would cut.
 */
export function workloadTarget(uri: string): string {
  const path = unixSocketPath(uri);
  if (path !== undefined) return `unix:${path}`;
  const [, host = '', port = ''] = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+):([1-9][0-9]{0,4})$/.exec(uri) ?? [];
  const family = isIP(host.replace(/^\[|\]$/g, ''));
  if (family !== 0 && (family === 6) === host.startsWith('[') && Number(port) <= 65535) return `ipv${family}:${host}:${port}`;
  throw new MandateError('E_CONFIG', {
    saw: `SPIFFE_ENDPOINT_SOCKET=${uri.slice(0, 200)}`,
    fix: 'unix:///absolute/path, or tcp:// with an IP address and a port',
  });
}
