import { closeSync, constants, openSync, readSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { ExeHandle, FolderHandle } from '../domain/attestation';
import { errnoOf } from './errno';
import { handleOn, inodeAt, linkAt, openAt } from './below';
import { exeHandle } from './open-file';

const MAX_READ_BYTES = 1024 * 1024;
const CHUNK_BYTES = 4096;

/**
 * /proc/PID held open. Everything is read through the open folder, so it can only ever show the process it was opened for: when that
 * is gone every read fails, even if the pid is taken again. `alive` tells the two reasons for a failure apart.
 *
 * Never `cmdline` or `environ`: the kernel reads them from memory that the process itself serves, and may let us wait for it
 * (patient-reading.ts).
 */
export class ProcFolder {
  readonly #fd: number;

  constructor(
    pid: number,
    private readonly alive: () => boolean,
  ) {
    this.#fd = this.attempt(() => openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY));
    // Opened while the process lived, so the folder is that of this process and of no later one with its pid.
    if (!alive()) {
      this.close();
      throw new MandateError('E_PEER_GONE');
    }
  }

  /** Throws E_PEER_GONE, or E_ATTEST_UNREADABLE with the name of what could not be read. */
  read(file: string): string {
    const fd = this.open(file);
    try {
      // The one that is written line by line: a short answer is not the end of it.
      return this.attempt(() => (file === 'maps' ? readAll(fd) : readRecord(fd)), file);
    } finally {
      closeSync(fd);
    }
  }

  link(name: string): string {
    return this.attempt(() => linkAt(this.#fd, name), name);
  }

  open(file: string): number {
    return this.attempt(() => openAt(this.#fd, file), file);
  }

  exeInode(): string {
    return this.attempt(() => inodeAt(this.#fd, 'exe'), 'exe');
  }

  /** Not opened: a file system that a process or another machine serves may let whoever opens a file wait for ever. */
  openExe(): ExeHandle {
    return exeHandle(this.attempt(() => handleOn(this.#fd, 'exe'), 'exe'));
  }

  /** The same folder under a descriptor of its own, which lives on when this one is closed. */
  again(): FolderHandle {
    const fd = this.attempt(() => openAt(this.#fd, '.'));
    return { fd, close: () => closeSync(fd) };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** A path that can only ever mean this process. */
  path(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  private attempt<T>(run: () => T, name = ''): T {
    try {
      return run();
    } catch (cause) {
      if (!this.alive()) throw new MandateError('E_PEER_GONE', {}, { cause });
      throw new MandateError('E_ATTEST_UNREADABLE', { saw: `${errnoOf(cause)} at /proc/PID/${name}` }, { cause });
    }
  }
}

const record = Buffer.alloc(CHUNK_BYTES);

/**
 * Whole content of a file that the kernel writes as one record (`stat`, `status`, `cgroup`), as latin-1: one that fits is answered at once,
 * and a short answer is the end of it.
 */
export function readRecord(fd: number): string {
  const length = readSync(fd, record, 0, CHUNK_BYTES, 0);
  return length < CHUNK_BYTES ? record.toString('latin1', 0, length) : readAll(fd);
}

/** As `readRecord`, of a file in an open folder of /proc. Throws KernelError and what `readSync` throws. */
export function recordAt(folder: number, name: string): string {
  const fd = openAt(folder, name);
  try {
    return readRecord(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whole content as latin-1, so that every byte is one character; cut at 1 MiB. */
export function readAll(fd: number): string {
  const first = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = readSync(fd, first, 0, CHUNK_BYTES, 0);
  // The kernel gives what fits in a page and the rest when asked again; a short answer need not be the end.
  let text = first.toString('latin1', 0, length);
  for (let at = length; length > 0 && at < MAX_READ_BYTES; at += length) {
    length = readSync(fd, first, 0, CHUNK_BYTES, at);
    text += first.toString('latin1', 0, length);
  }
  return text;
}
