import { createHash } from 'node:crypto';

/** Numbers that follow from a seed alone: a run that found something is repeated by its seed. */
export class Seeded {
  #count = 0;

  constructor(readonly seed: string) {}

  /** Uniform in [0, 1). */
  next(): number {
    const digest = createHash('sha256').update(`${this.seed}/${this.#count++}`).digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    const order: T[] = [];
    while (left.length > 0) order.push(...left.splice(Math.floor(this.next() * left.length), 1));
    return order;
  }
}
