import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { giveUid, NO_OWN_UIDS, type OwnUids, readOwnUids, restUid } from '../domain/own-uid';
import { statusField } from '../domain/proc-text';
import { errnoOf } from './errno';

const FILE_MODE = 0o600;

/**
 * The node's table of uids that belong to launches, in a file of its own that survives it. It is written before a uid is used, so that a
 * crash costs a uid and never gives one twice.
 */
export class UidTable {
  #table: OwnUids | undefined;

  constructor(
    private readonly file: string,
    /** Whether an account of this machine has the uid. */
    private readonly hasAccount: (uid: number) => boolean,
  ) {}

  /** A uid for this launch alone. Throws E_OWN_UID where the table cannot be read or written, or none is left. */
  give(launchId: string, nowMs: number): number {
    const living = uidsInUse();
    const given = giveUid(this.#read(), launchId, nowMs, (uid) => living.has(uid) || this.hasAccount(uid));
    if (given === undefined) throw new MandateError('E_OWN_UID', { why: 'every uid of the range is in use or rests' });
    this.#write(given.table);
    return given.uid;
  }

  /** The launch has ended; without a uid of its own nothing happens. Throws as `give` does. */
  rest(launchId: string, nowMs: number): void {
    const table = this.#read();
    if (table.used.some((entry) => entry.launchId === launchId && entry.endedAtMs === null)) this.#write(restUid(table, launchId, nowMs));
  }

  /** Launches that hold a uid according to the table. */
  holders(): readonly string[] {
    return this.#read().used.flatMap(({ launchId, endedAtMs }) => (endedAtMs === null ? [launchId] : []));
  }

  #read(): OwnUids {
    if (this.#table !== undefined) return this.#table;
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw unusable(`${errnoOf(cause)} ${this.file}`, cause);
      return (this.#table = NO_OWN_UIDS);
    }
    const table = readOwnUids(text);
    if (table === undefined) throw unusable(`${this.file} is not as the node wrote it`);
    return (this.#table = table);
  }

  #write(table: OwnUids): void {
    const next = `${this.file}.new`;
    try {
      const fd = openSync(next, 'w', FILE_MODE);
      try {
        writeFileSync(fd, `${JSON.stringify(table)}\n`);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(next, this.file);
    } catch (cause) {
      throw unusable(`${errnoOf(cause)} ${this.file}`, cause);
    }
    this.#table = table;
  }
}

const unusable = (saw: string, cause?: unknown): MandateError =>
  new MandateError('E_OWN_UID', { saw, why: 'the table of uids cannot be used' }, { cause });

/** Every uid that a living process of this machine has, in any of its four ids. */
function uidsInUse(): ReadonlySet<number> {
  const found = new Set<number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const ids = statusField(readFileSync(`/proc/${name}/status`, 'latin1'), 'Uid') ?? '';
      for (const id of ids.split('\t')) found.add(Number(id));
    } catch {
      continue; // it has ended
    }
  }
  return found;
}
