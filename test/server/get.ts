import type { IncomingHttpHeaders } from 'node:http';
import { request, type RequestOptions } from 'node:https';

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request on a connection of its own, checked against these roots. */
export function get(url: string, ca: string, options: RequestOptions = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
        resolve({ status: response.statusCode!, headers: response.headers, body });
      });
    });
    asked.once('error', reject);
    asked.end();
  });
}
