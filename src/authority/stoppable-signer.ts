import { MandateError } from '../domain/errors';
import type { Encoded, Plan, Signer } from '../domain/issuance';

/** A signer that can be ended while requests hold it. Throws E_AUTHORITY_TAINTED from then on: whoever asks again gets another authority. */
export class StoppableSigner<P extends Plan> implements Signer<P> {
  #stopped = false;

  constructor(private readonly signer: Signer<P>) {}

  sign(plan: P): Encoded | Promise<Encoded> {
    this.assertNotStopped();
    const signing = this.signer.sign(plan);
    // Ended while another thread signed: what it made is not handed out.
    return signing instanceof Promise ? signing.then((encoded) => (this.assertNotStopped(), encoded)) : signing;
  }

  stop(): void {
    this.#stopped = true;
  }

  assertNotStopped(): void {
    if (this.#stopped) throw new MandateError('E_AUTHORITY_TAINTED');
  }
}
