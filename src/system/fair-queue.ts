/** What waits, in fair order: users take turns, and within a user its processes do. Of one process whoever came first goes first. */
export class FairQueue<T> {
  readonly #byUser = new Map<number, Map<number, T[]>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(uid: number, pid: number, item: T): void {
    const processes = this.#byUser.get(uid) ?? new Map<number, T[]>();
    this.#byUser.set(uid, processes);
    const items = processes.get(pid);
    if (items) items.push(item);
    else processes.set(pid, [item]);
    this.#size += 1;
  }

  /** Takes out the next one. */
  next(): T | undefined {
    const [user] = this.#byUser;
    if (user === undefined) return undefined;
    const [uid, processes] = user;
    const [[pid, items]] = processes as unknown as [[number, T[]]];
    const item = items.shift();
    // Behind everybody else from here on, and out where nothing is left.
    processes.delete(pid);
    if (items.length > 0) processes.set(pid, items);
    this.#byUser.delete(uid);
    if (processes.size > 0) this.#byUser.set(uid, processes);
    this.#size -= 1;
    return item;
  }
}
