import type { FromChild } from '../domain/child-protocol';

/**
 * What opens the sealed authority keys, for as long as `up` runs: a server that is started again needs it again. While the keys are put under a
 * new seal there are two, and which one fits is known when the server says so.
 */
export class KeySecrets {
  #known: Buffer[];

  constructor(first: Buffer | undefined) {
    this.#known = first === undefined ? [] : [first];
  }

  /** For the start message of a server. The texts cannot be wiped: they last until their memory is used again. */
  handedOver(): string[] {
    return this.#known.map((secret) => secret.toString('base64'));
  }

  told(message: FromChild): void {
    if (message.type === 'next-key-secret') {
      // The first is the one that was in force; a second one belongs to an order that failed.
      this.#keep([...this.#known.slice(0, 1), Buffer.from(message.secret, 'base64')]);
    } else if (message.type === 'key-secret-fits') {
      const fits = this.#known.at(message.index);
      if (fits) this.#keep([fits]);
    }
  }

  wipe(): void {
    this.#keep([]);
  }

  #keep(kept: Buffer[]): void {
    for (const secret of this.#known) if (!kept.includes(secret)) secret.fill(0);
    this.#known = kept;
  }
}
