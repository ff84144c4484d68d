import { isIP } from 'node:net';
import { MandateError } from '../domain/errors';
import { checkSocketPath } from '../domain/layout';

/**
 * The gRPC target of a SPIFFE_ENDPOINT_SOCKET value (SPIFFE Workload Endpoint §4): `unix:` and an absolute path, or `tcp://`, an IP address and
 * a port. Scanned by hand: a URL parser would fold and decode what has to be refused. Throws E_CONFIG, and E_SOCKET_PATH for a path the kernel would cut.
 */
export function workloadTarget(uri: string): string {
  const path = /^unix:(?:\/\/)?(\/[^/?#][^?#]*)$/.exec(uri)?.[1];
  const decoded = path === undefined ? undefined : percentDecoded(path);
  if (decoded !== undefined && !decoded.includes('\0')) {
    checkSocketPath(decoded);
    return `unix:${decoded}`;
  }
  const [, host = '', port = ''] = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+):([1-9][0-9]{0,4})$/.exec(uri) ?? [];
  const family = isIP(host.replace(/^\[|\]$/g, ''));
  if (family !== 0 && (family === 6) === host.startsWith('[') && Number(port) <= 65535) return `ipv${family}:${host}:${port}`;
  throw new MandateError('E_CONFIG', {
    saw: `SPIFFE_ENDPOINT_SOCKET=${uri.slice(0, 200)}`,
    fix: 'unix:///absolute/path, or tcp:// with an IP address and a port',
  });
}

function percentDecoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
