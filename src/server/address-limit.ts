import { isIPv6 } from 'node:net';

/** Counts open connections by where they come from. An IPv6 network of 64 bits counts as one: whoever has one address of it has all. */
export class AddressLimit {
  readonly #open = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** False where there are as many as may be; then nothing was counted. */
  take(address: string): boolean {
    const from = networkOf(address);
    const open = this.#open.get(from) ?? 0;
    if (open >= this.most) return false;
    this.#open.set(from, open + 1);
    return true;
  }

  give(address: string): void {
    const from = networkOf(address);
    const open = (this.#open.get(from) ?? 0) - 1;
    if (open > 0) this.#open.set(from, open);
    else this.#open.delete(from);
  }
}

function networkOf(address: string): string {
  const [bare = ''] = address.split('%', 1);
  if (!isIPv6(bare)) return bare;
  const mapped = /^::ffff:([\d.]+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = bare.split('::', 2);
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  return [...front, ...middle, ...back].slice(0, 4).join(':');
}
