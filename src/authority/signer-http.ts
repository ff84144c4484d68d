import { Agent as HttpAgent, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { badAnswer, MAX_ANSWER_BYTES } from '../domain/remote-signer';
import type { SignerAddress } from '../domain/signer-address';
import { errnoOf } from '../system/errno';
import type { SignerAccess } from './signer-access';

export interface SignerRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

export interface SignerResponse {
  readonly status: number;
  /** At most 64 KiB. */
  readonly body: Buffer;
}

const MAX_HEADER_BYTES = 8 * 1024;
/** Connections that are kept although nothing is asked on them. */
const IDLE_CONNECTIONS = 4;

/** A request that nobody answered: the signer was silent for as long as it may, it had closed the connection that was kept, or the connection failed otherwise. */
export class Unanswered extends MandateError {
  constructor(
    why: string,
    readonly how: 'silent' | 'closed' | 'failed',
    cause?: unknown,
  ) {
    super('E_SIGNER_DOWN', { why }, { cause });
  }
}

/**
 * Speaks HTTP/1.1 with one signer over kept connections. No redirect, cookie or proxy, and nothing that the environment says: the configured address alone decides
 * where a token goes. What comes back is bounded in size and time before it is looked at.
 */
export class SignerHttp {
  #agent: HttpAgent | undefined;
  #tlsVersion: string | undefined;

  constructor(
    private readonly address: SignerAddress,
    /** Read for each request. Throws E_SIGNER_CREDENTIAL. */
    private readonly access: () => SignerAccess,
    private readonly clock: Clock,
  ) {}

  /** The answer, whatever its status. Throws E_SIGNER_DOWN as Unanswered, E_SIGNER_ANSWER where it is too large, E_SIGNER_CREDENTIAL. */
  async ask(request: SignerRequest, withinMs: number): Promise<SignerResponse> {
    const access = this.access();
    const { address } = this;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: RequestOptions = {
      ...(address.over === 'socket' ? { socketPath: address.path, host: 'localhost' } : { host: address.host, port: address.port }),
      agent: this.#agentFor(access),
      method: request.method,
      path: `${address.base}${request.path}`,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        accept: 'application/json',
        ...(access.authorization !== null && { authorization: access.authorization }),
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    };
    return this.#exchange(options, body, withinMs);
  }

  #exchange(options: RequestOptions, body: string | undefined, withinMs: number): Promise<SignerResponse> {
    return new Promise((resolve, reject) => {
      const asked = this.address.over === 'https' ? httpsRequest(options) : httpRequest(options);
      const cancel = this.clock.after(withinMs, () => fail(new Unanswered('it did not answer in time', 'silent')));
      const fail = (error: Error): void => {
        cancel();
        reject(error);
        asked.destroy();
      };
      asked.on('error', (cause) => {
        fail(new Unanswered(`the connection failed (${errnoOf(cause)})`, asked.reusedSocket ? 'closed' : 'failed', cause));
      });
      asked.on('response', (response) => {
        collect(response, fail, (answer) => {
          cancel();
          resolve({ status: response.statusCode ?? 0, body: answer });
        });
      });
      asked.end(body);
    });
  }

  /** Connections that were made with other files are not used again; what is under way on them is let finish. */
  #agentFor({ tls, tlsVersion }: SignerAccess): HttpAgent {
    if (this.#agent && this.#tlsVersion === tlsVersion) return this.#agent;
    const kept = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS };
    this.#tlsVersion = tlsVersion;
    this.#agent =
      this.address.over === 'https'
        ? new HttpsAgent({ ...kept, ...tls, rejectUnauthorized: true, minVersion: 'TLSv1.2', maxCachedSessions: 0 })
        : new HttpAgent(kept);
    return this.#agent;
  }
}

function collect(response: IncomingMessage, fail: (error: Error) => void, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) fail(badAnswer(`more than ${MAX_ANSWER_BYTES} bytes`));
    else chunks.push(chunk);
  });
  response.on('error', (cause) => fail(new Unanswered('its answer was cut off', 'failed', cause)));
  response.on('end', () => done(Buffer.concat(chunks)));
}
