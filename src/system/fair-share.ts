/**
 * Places of which there are few. A user may take another one only while it holds fewer than are left: alone it gets half of them, with others an equal
 * part, and however many they take, whoever holds none gets one of what is left.
 */
export class FairShare {
  readonly #held = new Map<number, number>();
  #taken = 0;

  constructor(private readonly places: number) {}

  /** Takes a place for this user and returns what gives it back, which is called once; undefined where it may have none now. */
  take(uid: number): (() => void) | undefined {
    const held = this.#held.get(uid) ?? 0;
    if (held >= this.places - this.#taken) return undefined;
    this.#taken++;
    this.#held.set(uid, held + 1);
    return () => this.#giveBack(uid);
  }

  #giveBack(uid: number): void {
    this.#taken--;
    const left = (this.#held.get(uid) ?? 0) - 1;
    if (left > 0) this.#held.set(uid, left);
    else this.#held.delete(uid);
  }
}
