import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { badAnswer, readSignature, readSignerKey, readSignerKeys, type SignerAlgorithm, type SignerKey } from '../domain/remote-signer';
import { type SignerHttp, type SignerRequest, type SignerResponse, Unanswered } from './signer-http';
import { SignerLanes } from './signer-lanes';

/** With whatever it waits for; a node waits eight seconds for its server. */
const ANSWER_MS = 4_000;
/** Hardware takes seconds to make a key. */
const CREATE_MS = 15_000;
const MOST_ATTEMPTS = 3;
const PAUSE_MS = 100;
/** A signer that is busy, or what stands before it: it may have time in a moment. */
const PASSING = [429, 502, 503, 504];

/**
 * The calls of the protocol (docs/remote-signer.md). Every one of them may be sent twice: a key is made under a name that only this request has, a second signature over a
 * digest gives nobody more than the first. So what fails by the connection, or by a signer that is busy, is sent again while there is time.
 */
export class SignerClient {
  readonly #lanes: SignerLanes;
  #fault: MandateError | undefined;

  constructor(
    private readonly http: SignerHttp,
    private readonly clock: Clock,
  ) {
    this.#lanes = new SignerLanes(clock);
  }

  /** Why the last call failed; undefined where it did not. */
  get fault(): MandateError | undefined {
    return this.#fault;
  }

  /** The key of that name, made now unless it is there. Throws the E_SIGNER_ codes. */
  async createKey(name: string, algorithm: SignerAlgorithm): Promise<SignerKey> {
    return this.#call({ method: 'PUT', path: keyPath(name), body: { algorithm } }, CREATE_MS, (answer) => {
      const key = readSignerKey(answer);
      if (key.name !== name || key.algorithm !== algorithm) throw badAnswer('another key than the one that was asked for');
      return key;
    });
  }

  /** Every key whose name begins with `prefix` and that is not destroyed. */
  async keys(prefix: string): Promise<readonly SignerKey[]> {
    return this.#inTurn({ method: 'GET', path: `/v1/keys?prefix=${prefix}` }, (answer) => {
      const keys = readSignerKeys(answer);
      if (!keys.every(({ name }) => name.startsWith(prefix))) throw badAnswer('a key of another name than was asked for');
      return keys;
    });
  }

  /**
   * A signature over a SHA-256 digest that `verifies`. Throws E_SIGNER_KEY where the signer has no such key, E_SIGNER_ANSWER where it does not verify, E_OVERLOADED,
   * and the other E_SIGNER_ codes.
   */
  async sign(name: string, algorithm: SignerAlgorithm, digest: Buffer, verifies: (signature: Buffer) => boolean): Promise<Buffer> {
    const body = { algorithm, digest: digest.toString('base64') };
    return this.#inTurn({ method: 'POST', path: `${keyPath(name)}/sign`, body }, (answer) => {
      const signature = readSignature(answer);
      if (!verifies(signature)) throw badAnswer('a signature that is not one of this key over what was sent');
      return signature;
    });
  }

  /** The key signs nothing more from now on; when it is destroyed is up to the signer. One that is not there is no error. */
  async destroyKey(name: string): Promise<void> {
    try {
      await this.#inTurn({ method: 'DELETE', path: keyPath(name) }, () => undefined);
    } catch (error) {
      if (!(error instanceof MandateError && error.code === 'E_SIGNER_KEY')) throw error;
    }
  }

  #inTurn<T>(request: SignerRequest, read: (answer: unknown) => T): Promise<T> {
    const until = this.clock.monotonicMs() + ANSWER_MS;
    return this.#lanes.run(() => this.#call(request, until - this.clock.monotonicMs(), read));
  }

  /** What `read` makes of the JSON of an answer that says yes. */
  async #call<T>(request: SignerRequest, withinMs: number, read: (answer: unknown) => T): Promise<T> {
    try {
      const answer = read(readJson(await this.#answered(request, this.clock.monotonicMs() + withinMs)));
      this.#fault = undefined;
      return answer;
    } catch (error) {
      if (error instanceof MandateError) this.#fault = error;
      throw error;
    }
  }

  async #answered(request: SignerRequest, until: number): Promise<SignerResponse> {
    for (let attempt = 1; ; attempt++) {
      const leftMs = until - this.clock.monotonicMs();
      if (leftMs <= 0) throw new Unanswered('there was no time left for it', 'failed');
      const again = attempt < MOST_ATTEMPTS && leftMs > PAUSE_MS;
      try {
        const response = await this.http.ask(request, leftMs);
        this.#lanes.answers();
        if (!again || !PASSING.includes(response.status)) return response;
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (error.how === 'silent') this.#lanes.hangs();
        if (!again || error.how !== 'closed') throw error;
        continue;
      }
      await new Promise<void>((resolve) => this.clock.after(PAUSE_MS, resolve));
    }
  }
}

const keyPath = (name: string): string => `/v1/keys/${name}`;

function readJson({ status, body }: SignerResponse): unknown {
  if (status !== 200 && status !== 201) throw statusFault(status);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (cause) {
    throw new MandateError('E_SIGNER_ANSWER', { why: 'no JSON' }, { cause });
  }
}

/** What it says beside its status is not told on: it could be the token that was sent. */
function statusFault(status: number): MandateError {
  const saw = `HTTP status ${status}`;
  if (status >= 300 && status < 400)
    return new MandateError('E_SIGNER_ANSWER', { saw, why: 'it leads elsewhere, where nothing of ours is sent' });
  if (status === 404) return new MandateError('E_SIGNER_KEY', { saw });
  if (status >= 400 && status < 500 && status !== 429) return new MandateError('E_SIGNER_REFUSED', { saw });
  return new MandateError('E_SIGNER_DOWN', { saw });
}
