import type { RequestListener } from 'node:http';
import type { WebConfig } from '../domain/config-publication';
import { asMandateError, type MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import { type HttpsListener, openHttps, type TlsIdentity } from './https-listener';
import { assureWebCertificate, notAfterMs } from './web-certificate';

export interface WebEndpointParts {
  readonly web: WebConfig;
  /** Reads both files as they are now; throws E_WEB_CERTIFICATE. */
  readonly readFiles: (web: WebConfig) => TlsIdentity & { readonly version: string };
  readonly answer: RequestListener;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The `https_web` endpoint, under a certificate that somebody else renews in files of his. A pair that cannot be used is never served and
 * never takes the place of one that can; nor does it keep the server from issuing: what is wrong is said, and looked at again.
 */
export class WebEndpoint {
  #listener: HttpsListener | undefined;
  #served: { readonly version: string; readonly notAfterMs: number } | undefined;
  #fault: MandateError | undefined;

  private constructor(private readonly parts: WebEndpointParts) {}

  static async open(parts: WebEndpointParts): Promise<WebEndpoint> {
    const endpoint = new WebEndpoint(parts);
    await endpoint.look();
    return endpoint;
  }

  /** What is wrong with the files, or with the port; undefined while what is in the files is what is served. */
  get fault(): MandateError | undefined {
    return this.#fault;
  }

  /** When the served certificate ends; undefined where nothing is served. */
  get notAfterMs(): number | undefined {
    return this.#listener && this.#served?.notAfterMs;
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** Takes up what the files hold now, where that changed. Never throws. */
  async look(): Promise<void> {
    const { web, readFiles, clock, log } = this.parts;
    try {
      const files = readFiles(web);
      // Also one that is served already: it may have ended meanwhile.
      assureWebCertificate(files, web.name, clock.nowMs());
      if (this.#listener === undefined || files.version !== this.#served?.version) {
        await this.#serve(files);
        this.#served = { version: files.version, notAfterMs: notAfterMs(files.certificatePem) };
        log.info({ name: web.name, until: new Date(this.#served.notAfterMs).toISOString() }, 'web endpoint has a certificate');
      }
      this.#fault = undefined;
    } catch (thrown) {
      this.#say(asMandateError(thrown));
    }
  }

  close(): Promise<void> {
    return this.#listener ? this.#listener.close() : Promise.resolve();
  }

  async #serve(identity: TlsIdentity): Promise<void> {
    if (this.#listener) this.#listener.renew(identity);
    else this.#listener = await openHttps(this.parts.web, identity, this.parts.answer);
  }

  /** Once for each fault: it is looked at every few seconds. */
  #say(fault: MandateError): void {
    const before = this.#fault;
    this.#fault = fault;
    if (before?.code === fault.code && before.explanation.saw === fault.explanation.saw && before.explanation.why === fault.explanation.why)
      return;
    this.parts.log.error({ err: fault, ...fault.explanation, serving: this.#listener !== undefined }, 'web endpoint keeps what it has');
  }
}
