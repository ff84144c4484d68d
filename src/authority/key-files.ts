import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { checkKeyFile, checkKeyFolder, keyFileFault, ownUid } from './key-permissions';

/** The files of the key folder, whatever they hold: 0600, in one 0700 folder that is ours alone, each written whole or not at all. */
export class KeyFiles {
  constructor(readonly folder: string) {}

  path(file: string): string {
    return `${this.folder}/${file}`;
  }

  async names(): Promise<readonly string[]> {
    return readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }

  /** When it resolves, the file is durable; when it rejects, it is the old one or the new one. */
  async write(file: string, bytes: Buffer | string): Promise<void> {
    const path = this.path(file);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await checkKeyFolder(this.folder);
    // Another name until it is whole: a crash leaves the old file or the new one, and a left-over temporary is written anew.
    const temporary = `${path}.new`;
    await rm(temporary, { force: true });
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await this.#syncFolder();
  }

  /** At most `most` bytes of a file, for the caller to wipe. Throws E_KEY_FILE where it is missing, too large, or not ours alone. */
  async read(file: string, most: number): Promise<Buffer> {
    const path = this.path(file);
    await checkKeyFolder(this.folder);
    const handle = await openKeyFile(path);
    try {
      const stat = await handle.stat();
      checkKeyFile(path, stat);
      if (stat.size > most) throw keyFileFault(path, 'it is damaged: it is larger than a key', RESTORE);
      const bytes = Buffer.allocUnsafeSlow(most);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  /** Overwrites a file and removes it; one that is not there is no error. What the file system keeps elsewhere is out of reach. */
  async erase(file: string): Promise<void> {
    const path = this.path(file);
    try {
      const handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stat = await handle.stat();
        // Through another name it could be any file of ours.
        if (stat.isFile() && stat.nlink === 1) {
          await handle.write(Buffer.alloc(stat.size), 0, stat.size, 0);
          await handle.sync();
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      // What cannot be opened for writing, a link among it, can still go.
    }
    await rm(path, { force: true });
    await this.#syncFolder();
  }

  /** The rename is durable only once the folder is. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

export const RESTORE = 'restore it from a backup of the state folder';

async function openKeyFile(path: string): Promise<FileHandle> {
  try {
    // A link could lead to a file that others write; a pipe would make open wait.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw keyFileFault(path, 'it is missing', RESTORE);
    if (code === 'ELOOP') throw keyFileFault(path, 'it is a symbolic link', 'put the file itself there');
    if (code === 'EACCES') throw keyFileFault(path, `uid ${ownUid()} may not read it`, `chown ${ownUid()} ${path}`);
    throw keyFileFault(path, `it cannot be opened (${code ?? 'unknown'})`, RESTORE);
  }
}
