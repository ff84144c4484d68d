import { plain } from './documents';
import { openLocalHttp, pathOf } from './https-listener';

export interface HealthAnswers {
  /** What the server waits for; nothing where it is ready. */
  readonly missing: () => Promise<readonly string[]>;
  /** Every figure in the Prometheus text format, and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Liveness, readiness and metrics over plain HTTP on loopback. */
export function publishHealth(
  port: number,
  { missing, metrics }: HealthAnswers,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  // Everybody on the machine may ask: who asks while others wait gets what they get.
  let exposed: ReturnType<HealthAnswers['metrics']> | undefined;
  const shared = () => (exposed ??= metrics().finally(() => (exposed = undefined)));
  return openLocalHttp(port, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
    const path = pathOf(request);
    if (path === '/live') return plain(response, 200, 'live');
    if (path === '/ready')
      return void missing().then(
        (absent) => plain(response, absent.length === 0 ? 200 : 503, absent.length === 0 ? 'ready' : `not ready: ${absent.join(', ')}`),
        () => plain(response, 503, 'not ready'),
      );
    if (path !== '/metrics') return plain(response, 404, 'not found');
    shared().then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : text),
      () => plain(response, 500, 'no metrics'),
    );
  });
}
