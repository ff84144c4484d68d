import { MandateError } from '../domain/errors';
import type { Encoded, Plan, Signer } from '../domain/issuance';

/** A signer that can be ended while requests hold it. Throws E_AUTHORITY_TAINTED from then on: whoever asks again gets another authority. */
export class StoppableSigner<P extends Plan> implements Signer<P> {
  #stopped = false;

  constructor(private readonly signer: Signer<P>) {}

  sign(plan: P): Encoded | Promise<Encoded> {
    this.assertNotStopped();
    const encoded = this.signer.sign(plan);
    return encoded instanceof Promise ? this.stillGoing(encoded) : encoded;
  }

  /** What `made` comes to, unless the signer was ended meanwhile: then that is said, since its key is gone by now, and another one signs. */
  async stillGoing<T>(made: Promise<T>): Promise<T> {
    try {
      return await made;
    } finally {
      this.assertNotStopped();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  assertNotStopped(): void {
    if (this.#stopped) throw new MandateError('E_AUTHORITY_TAINTED');
  }
}
