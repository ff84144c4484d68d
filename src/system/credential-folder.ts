import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import type { Random } from '../domain/ports';
import { lockFile } from './this-process';

const TMPFS = 0x01021994;
const OTHERS = 0o077;
/** PATH_MAX: what is longer is no path. */
const MAX_PATH_BYTES = 4096;

/** The folder of this user on a tmpfs, made where it was missing. Keys never touch a disk: without a tmpfs it throws E_FILES. */
export function tmpfsFor(uid: number, runtimeFolder: string | undefined): string {
  const candidates = [...(runtimeFolder?.startsWith('/') ? [`${runtimeFolder}/mandate-files`] : []), ...foldersOf(uid)];
  const found = candidates.find((folder) => ownFolder(folder, uid));
  if (found === undefined) throw new MandateError('E_FILES', { why: 'there is no tmpfs to keep keys in', fix: 'mount one at /dev/shm' });
  return found;
}

/** Removes what killed writers of this user left where `tmpfsFor` looks without a runtime folder. Never throws. */
export function removeLeftFiles(uid: number): void {
  for (const folder of foldersOf(uid)) {
    try {
      if (isOwn(folder, uid)) sweep(folder);
    } catch {
      continue; // what cannot be removed now is removed by the next writer
    }
  }
}

const foldersOf = (uid: number): readonly string[] => [`/run/user/${uid}/mandate-files`, `/dev/shm/mandate-files-${uid}`];

function ownFolder(folder: string, uid: number): boolean {
  try {
    if (statfsSync(path.dirname(folder)).type !== TMPFS) return false;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isOwn(folder, uid);
  } catch {
    return false;
  }
}

/** /dev/shm is everybody's: somebody else may have taken the name. */
function isOwn(folder: string, uid: number): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && found.uid === uid && (found.mode & OTHERS) === 0;
}

/**
 * Files for one launch, replaced all at once: `seenAt` is a link to the version of now, and a reader that opens files below it gets them of
 * one version unless it opens them around a replacement. Each file is 0600 in folders of 0700 from its first instant.
 *
 * What a writer left that was killed is removed for the node, or by the next writer of the same user: a lock that the kernel gives back says who is
 * gone, and the text in it where the link to it was.
 */
export class CredentialFolder {
  readonly #name: string;
  readonly #folder: string;
  #version = 0;

  /** Throws E_FILES where something else lies at `seenAt`. */
  constructor(
    private readonly seenAt: string,
    private readonly tmpfs: string,
    random: Random,
  ) {
    sweep(tmpfs);
    this.#name = locked(tmpfs, random, seenAt);
    this.#folder = path.join(tmpfs, this.#name);
    mkdirSync(this.#folder, 0o700);
  }

  /** Replaces all files by these. Throws E_FILES, and leaves what was there, where they cannot be shown. */
  write(files: ReadonlyMap<string, string>): void {
    const [before, folder] = [this.#versionFolder(), this.#versionFolder(this.#version + 1)];
    try {
      mkdirSync(folder, 0o700);
      for (const [name, text] of files) writeFileSync(path.join(folder, name), text, { flag: 'wx', mode: 0o600 });
      this.#show(folder);
    } catch (thrown) {
      rmSync(folder, { recursive: true, force: true });
      throw thrown;
    }
    this.#version++;
    rmSync(before, { recursive: true, force: true });
  }

  /** Takes the files away; a later write brings them back. */
  clear(): void {
    rmSync(this.#versionFolder(), { recursive: true, force: true });
  }

  /** Everything of this launch, and the link if it is still ours. */
  remove(): void {
    unlinkOwn(this.seenAt, this.#folder);
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(`${this.#folder}.lock`, { force: true });
  }

  #versionFolder(version = this.#version): string {
    return path.join(this.#folder, String(version));
  }

  #show(folder: string): void {
    const target = linkTarget(this.seenAt);
    if (target === null || (target !== undefined && !target.startsWith(`${this.tmpfs}/`)))
      throw new MandateError('E_FILES', { saw: this.seenAt, why: 'something else is there', fix: 'name a path where nothing is' });
    const next = `${this.seenAt}.${this.#name}`;
    try {
      symlinkSync(folder, next);
      renameSync(next, this.seenAt);
    } catch (cause) {
      throw new MandateError('E_FILES', { saw: this.seenAt, why: (cause as NodeJS.ErrnoException).code ?? 'unknown' }, { cause });
    }
  }
}

/** Where a link leads; undefined where nothing is, null where something else is. */
function linkTarget(file: string): string | null | undefined {
  try {
    return readlinkSync(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null;
  }
}

/** A link into this folder and nothing else. */
function unlinkOwn(file: string, folder: string): void {
  if (linkTarget(file)?.startsWith(`${folder}/`)) unlinkSync(file);
}

/** What `locked` wrote; a file of an earlier version is empty. */
function linkNamedBy(fd: number): string {
  const path = Buffer.alloc(MAX_PATH_BYTES);
  return path.toString('utf8', 0, readSync(fd, path, 0, path.length, 0));
}

/** A name that is ours until this process ends. A sweep may have taken the lock before we did, and removed it: then another name. */
function locked(tmpfs: string, random: Random, seenAt: string): string {
  for (;;) {
    const name = random.bytes(8).toString('hex');
    const fd = openSync(path.join(tmpfs, `${name}.lock`), 'wx', 0o600);
    if (lockFile(fd) && fstatSync(fd).nlink > 0) {
      writeSync(fd, seenAt);
      return name;
    }
    closeSync(fd);
  }
}

/** A folder without its lock, or whose lock nobody holds, was left by a writer that is gone. The lock is made first, so none is of a newcomer. */
function sweep(tmpfs: string): void {
  const names = new Set(readdirSync(tmpfs).map((entry) => entry.replace(/\.lock$/, '')));
  for (const name of names) {
    const folder = path.join(tmpfs, name);
    let fd: number | undefined;
    try {
      fd = openSync(`${folder}.lock`, 'a+', 0o600);
      if (!lockFile(fd)) continue;
      unlinkOwn(linkNamedBy(fd), folder);
      rmSync(folder, { recursive: true, force: true });
      rmSync(`${folder}.lock`, { force: true });
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
