import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { MAX_BUNDLE_BYTES } from '../verify/trust-bundle';

const WHOLE_MS = 10_000;

/** The URL of a bundle endpoint (SPIFFE Federation §5.2). Throws E_CONFIG unless it is https without user information. */
export function bundleUrlOf(text: string): URL {
  // Looked at as it was written: a parsed URL no longer shows user information that is empty.
  if (/^https:\/\/[^/?#@\\]+([/?#]|$)/.test(text) && URL.canParse(text)) return new URL(text);
  throw new MandateError('E_CONFIG', { saw: 'a bundle URL that is not https, or holds user information' });
}

/**
 * The body that a bundle endpoint answers GET with, of at most 1 MiB and within 10 s. One connection, no redirect, no cookie, no proxy: nothing
 * but the configured URL decides where it goes. Throws E_NOT_VERIFIED, E_TIMEOUT, or what the agent refuses the endpoint with.
 */
export function fetchBundle(url: URL, agent: Agent, clock: Clock): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, method: 'GET', headers: { accept: 'application/json' } });
    const fail = (error: Error): void => {
      cancel();
      reject(error);
      asked.destroy();
      agent.destroy();
    };
    const cancel = clock.after(WHOLE_MS, () => fail(new MandateError('E_TIMEOUT', { why: 'the bundle endpoint did not answer in time' })));
    asked.on('error', (cause) => fail(cause instanceof MandateError ? cause : notFetched('no connection that verifies', cause)));
    asked.on('response', (response) => {
      collect(
        response,
        (body) => {
          cancel();
          agent.destroy();
          resolve(body);
        },
        fail,
      );
    });
    asked.end();
  });
}

function collect(response: IncomingMessage, done: (body: Buffer) => void, fail: (error: Error) => void): void {
  if (response.statusCode !== 200) return fail(notFetched(`HTTP status ${response.statusCode ?? 'unknown'}`));
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BUNDLE_BYTES) fail(notFetched('larger than 1 MiB'));
    else chunks.push(chunk);
  });
  response.on('error', (cause) => fail(notFetched('cut off', cause)));
  response.on('end', () => done(Buffer.concat(chunks)));
}

const notFetched = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_NOT_VERIFIED', { saw: 'a bundle endpoint', why }, { cause });

/** An agent for `https_web`: public roots, or the given ones, and the host name, whatever the environment of the process says. */
export const webAgent = (ca: string | Buffer | undefined): Agent =>
  new Agent({ rejectUnauthorized: true, minVersion: 'TLSv1.2', maxCachedSessions: 0, ...(ca !== undefined && { ca }) });
