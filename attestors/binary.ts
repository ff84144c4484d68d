import { fileText } from '../src/domain/file-text';
import type { Attestor, FileHasher, Observation } from '../src/domain/attestation';

const DELETED = ' (deleted)';
const GROUP_OR_OTHERS_WRITE = 0o022;

/** Which program is running: its path as the kernel shows it, and the SHA-256 of the inode that is mapped (binary.md). */
export const binaryAttestor = (hasher: FileHasher): Attestor => ({
  name: 'binary',
  async attest(view) {
    const exe = view.openExe();
    try {
      const link = view.link('exe');
      // With mounts of its own, which any user may make, a process chooses the path that it is shown by.
      const ownPath = view.sameMounts?.() ?? true;
      const deleted = link.endsWith(DELETED);
      return [
        { ...fact('path', fileText(deleted ? link.slice(0, -DELETED.length) : link)), assurance: ownPath ? 'observed' : 'declared' },
        { name: 'sha256', value: await hasher.sha256(exe), assurance: 'measured' },
        fact('owner_uid', String(exe.ownerUid)),
        fact('writable', String(writable(exe, view))),
        fact('deleted', String(deleted)),
      ];
    } finally {
      exe.close();
    }
  },
});

/** On the cautious side: an owner can give itself the bit, and a bit for any group counts. */
const writable = (file: { readonly ownerUid: number; readonly mode: number }, process: { readonly uid: number }): boolean =>
  process.uid === 0 || file.ownerUid === process.uid || (file.mode & GROUP_OR_OTHERS_WRITE) !== 0;

const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
