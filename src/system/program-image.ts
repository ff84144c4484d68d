import { closeSync } from 'node:fs';
import { asMandateError, MandateError } from '../domain/errors';
import { stackNotRandomised, withoutRandomisation } from '../domain/proc-text';
import { memoryLives } from './pidfd';
import type { ProcessRecords } from './process-records';
import type { ProcFolder } from './proc-folder';

const MAX_ATTEMPTS = 3;

/**
 * The program that a process ran at one moment, recognised by three marks: its address space (open /proc/PID/mem or maps, which ends with
 * it), the addresses that exec chose, and the inode of its executable.
 */
export class ProgramImage {
  private constructor(
    private readonly folder: ProcFolder,
    private readonly records: ProcessRecords,
    private readonly memory: number,
    private readonly layout: string,
    readonly startTicks: string,
    readonly exeInode: string,
    readonly uid: number,
    readonly gid: number,
  ) {}

  /**
   * The program that runs now. Throws E_PEER_GONE, E_PEER_EXEC where it goes on changing, E_ATTEST_UNREADABLE, and E_PEER_LAYOUT where
   * randomisation is off, since then a later exec leaves no trace in the layout.
   */
  static now(folder: ProcFolder, records: ProcessRecords, alive: () => boolean): ProgramImage {
    // An exec in the middle would mix two programs: the address space opened first must still be there at the end.
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const memory = openMemory(folder);
      try {
        if (notRandomised(folder))
          throw new MandateError('E_PEER_LAYOUT', { fix: 'start it without `setarch -R`, and outside a debugger' });
        const { layout, startTicks } = records.laidOut();
        const exeInode = folder.exeInode();
        const { uid, gid } = records.credentials();
        if (memoryLives(memory) && records.laidOut().layout === layout)
          return new ProgramImage(folder, records, memory, layout, startTicks, exeInode, uid, gid);
      } catch (thrown) {
        closeSync(memory);
        throw thrown;
      }
      closeSync(memory);
    }
    throw new MandateError(alive() ? 'E_PEER_EXEC' : 'E_PEER_GONE');
  }

  /** True while its address space is there. */
  lives(): boolean {
    return memoryLives(this.memory);
  }

  /** True while the process has not executed a program, be it the same file, since. */
  runs(): boolean {
    return this.lives() && this.records.laidOut().layout === this.layout && this.folder.exeInode() === this.exeInode;
  }

  close(): void {
    closeSync(this.memory);
  }
}

/** Where only ancestors may attach to a process (Yama), `mem` and `personality` are shut and `maps` is still open to the same user. */
const openMemory = (folder: ProcFolder): number =>
  firstReadable(
    () => folder.open('mem'),
    () => folder.open('maps'),
  );

const notRandomised = (folder: ProcFolder): boolean =>
  firstReadable(
    () => withoutRandomisation(folder.read('personality')),
    () => stackNotRandomised(folder.read('maps')),
  );

function firstReadable<T>(first: () => T, second: () => T): T {
  try {
    return first();
  } catch (thrown) {
    if (asMandateError(thrown).code !== 'E_ATTEST_UNREADABLE') throw thrown;
    return second();
  }
}
