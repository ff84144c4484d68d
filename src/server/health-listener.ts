import { plain } from './documents';
import { openLocalHttp, pathOf } from './https-listener';

export interface HealthAnswers {
  /** What the server waits for; nothing where it is ready. */
  readonly missing: () => Promise<readonly string[]>;
}

/** Liveness and readiness over plain HTTP on loopback. */
export function publishHealth(port: number, { missing }: HealthAnswers): Promise<{ readonly port: number; close(): Promise<void> }> {
  return openLocalHttp(port, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
    const path = pathOf(request);
    if (path === '/live') return plain(response, 200, 'live');
    if (path !== '/ready') return plain(response, 404, 'not found');
    missing().then(
      (absent) => plain(response, absent.length === 0 ? 200 : 503, absent.length === 0 ? 'ready' : `not ready: ${absent.join(', ')}`),
      () => plain(response, 503, 'not ready'),
    );
  });
}
