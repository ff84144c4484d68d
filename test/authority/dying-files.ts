import { readFileSync, writeFileSync } from 'node:fs';
import { KeyFiles } from '../../src/authority/key-files';

/** How far an operation got when the process died: not at all, half way, or to its end but without anybody hearing of it. */
export const DEATHS = ['before', 'within', 'after'] as const;

export const DEAD = new Error('the process died');

/** Files of a process that dies at its n-th change (from 0); nothing works after it. */
export class DyingFiles extends KeyFiles {
  changes = 0;
  #dead = false;

  constructor(
    folder: string,
    private readonly at: number,
    private readonly death: (typeof DEATHS)[number],
  ) {
    super(folder);
  }

  override names(): Promise<readonly string[]> {
    return this.#dead ? Promise.reject(DEAD) : super.names();
  }

  override read(file: string, most: number): Promise<Buffer> {
    return this.#dead ? Promise.reject(DEAD) : super.read(file, most);
  }

  override write(file: string, bytes: Buffer | string): Promise<void> {
    return this.#change(
      () => super.write(file, bytes),
      () => writeFileSync(`${this.path(file)}.new`, bytes.slice(0, bytes.length / 2)),
    );
  }

  /** Half way a file is overwritten and still there. */
  override erase(file: string): Promise<void> {
    return this.#change(
      () => super.erase(file),
      () => writeFileSync(this.path(file), Buffer.alloc(readFileSync(this.path(file)).length)),
    );
  }

  async #change(whole: () => Promise<void>, half: () => void): Promise<void> {
    if (this.#dead) throw DEAD;
    if (this.changes++ !== this.at) return whole();
    this.#dead = true;
    if (this.death === 'within') half();
    if (this.death === 'after') await whole();
    throw DEAD;
  }
}
