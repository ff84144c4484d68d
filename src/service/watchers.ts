/** Everybody who wants to hear of a change. */
export class Watchers {
  readonly #all = new Set<() => void>();

  add(changed: () => void): () => void {
    // A function of its own: one that is added twice is told twice, and taken away once at a time.
    const own = (): void => changed();
    this.#all.add(own);
    return () => this.#all.delete(own);
  }

  tell(): void {
    for (const changed of [...this.#all]) changed();
  }
}
