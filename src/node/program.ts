import { fstatSync, readlinkSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { ExeHandle, FileHasher } from '../domain/attestation';
import { statusGroups } from '../domain/proc-text';
import { openProgram } from '../system/open-file';
import type { PinnedProcess } from '../system/process-view';

const GROUP_OR_OTHERS_WRITE = 0o022;

/** Hashes running programs from memory of their version, and any other file anew. */
export interface ProgramHasher extends FileHasher {
  sha256Once(handle: ExeHandle): Promise<string>;
}

/** The program a launcher is about to execute: `dev:ino` and SHA-256 in lower-case hex. */
export interface MeasuredProgram {
  /** Where it lies after all links, as the node sees it. */
  readonly real: string;
  readonly inode: string;
  readonly sha256: string;
}

/**
 * Measures the program a launcher is about to execute, opened through the launcher's own root so that both mean the same file. Only what
 * the launcher's user may execute is read: a root node's answer would otherwise be a hash oracle for files that user may not read.
 * Throws E_RUN_NOT_EXECUTABLE, E_ATTEST_UNREADABLE, E_ATTEST_FAILED, E_ATTEST_TOO_LARGE.
 */
export async function measureProgram(process: PinnedProcess, path: string, hasher: ProgramHasher): Promise<MeasuredProgram> {
  const program = openProgram(process.path(`root${path}`));
  try {
    if (!mayExecute(process, program)) throw new MandateError('E_RUN_NOT_EXECUTABLE', { saw: path, why: 'its user may not execute it' });
    const fixed = program.ownerUid === 0 && (program.mode & GROUP_OR_OTHERS_WRITE) === 0;
    const real = readlinkSync(`/proc/self/fd/${program.fd}`, 'latin1');
    return { real, inode: program.inode, sha256: await (fixed ? hasher.sha256(program) : hasher.sha256Once(program)) };
  } finally {
    program.close();
  }
}

/** True where the process runs this very file, and its bytes are still those that were announced. */
export async function runsProgram(
  process: PinnedProcess,
  announced: Pick<MeasuredProgram, 'inode' | 'sha256'>,
  hasher: FileHasher,
): Promise<boolean> {
  const exe = process.openExe();
  try {
    return exe.inode === announced.inode && (await hasher.sha256(exe)) === announced.sha256;
  } finally {
    exe.close();
  }
}

function mayExecute(process: PinnedProcess, program: ExeHandle): boolean {
  if (process.uid === 0) return (program.mode & 0o111) !== 0;
  if (process.uid === program.ownerUid) return (program.mode & 0o100) !== 0;
  const { gid } = fstatSync(program.fd);
  const groups = statusGroups(process.read('status'));
  if (process.gid === gid || groups.includes(gid)) return (program.mode & 0o010) !== 0;
  return (program.mode & 0o001) !== 0;
}
