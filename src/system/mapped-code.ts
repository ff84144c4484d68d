import { statfsSync } from 'node:fs';
import type { MappedCode } from '../domain/attestation';
import { knownStatAt, linkAt } from './below';
import { type MappedFile, mappedFiles } from './mapped-files';
import { machineMounts } from './process-key';
import { may, type OnBehalfOf, type SeenTree } from './seen-tree';

const MAX_FOREIGN = 64;
const DELETED = / \(deleted\)$/;
const GROUP_OR_OTHERS_WRITE = 0o022;
/** Where systems keep code that only root installs. A process with mounts of its own may show anything there. */
const SYSTEM = /^\/(usr|lib|lib32|lib64|libx32|bin|sbin)\//;

/** Magic numbers of statfs(2), linux/magic.h, fuse(4), cifs. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x794c7630, 'overlay'],
  [0x73717368, 'squashfs'],
  [0xe0f5e1e2, 'erofs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x65735546, 'fuse'],
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
]);

/** What the process of this /proc folder has mapped as code, and how its program lies. Files of which there is no trace are foreign. */
export function readMappedCode(folder: number, tree: SeenTree, behalf: OnBehalfOf): MappedCode {
  const exe = linkAt(folder, 'exe').replace(DELETED, '');
  const program = knownStatAt(folder, 'exe').inode;
  const sameMounts = linkAt(folder, 'ns/mnt') === machineMounts();
  const { files, complete } = mappedFiles(folder);
  const own = ownFolders(exe);
  const foreign = files.filter(
    (file) =>
      !(file.inode === program && file.path.replace(DELETED, '') === exe) &&
      !own.some((prefix) => file.path.startsWith(prefix)) &&
      !(sameMounts && SYSTEM.test(file.path) && !file.path.endsWith(' (deleted)')) &&
      !installedByRoot(tree, file),
  );
  return {
    foreign: foreign
      .map(({ path }) => path)
      .sort()
      .slice(0, MAX_FOREIGN),
    complete,
    fileSystem: fileSystemOf(folder),
    replaceable: replaceable(tree, exe, behalf),
  };
}

/** The folder of the program, and for one in `…/bin` the `lib` folders beside that; never the whole of a home or the root. */
function ownFolders(exe: string): readonly string[] {
  const folder = exe.slice(0, exe.lastIndexOf('/') + 1);
  const prefix = /^(\/.+\/)s?bin\/$/.exec(folder)?.[1];
  return prefix === undefined ? [folder].filter((own) => own !== '/') : [folder, `${prefix}lib/`, `${prefix}lib64/`, `${prefix}libexec/`];
}

/** True where the very file that is mapped still lies at its path, belongs to root and nobody else may write to it. */
function installedByRoot(tree: SeenTree, { path, inode, major, minor }: MappedFile): boolean {
  const stat = tree.stat(path);
  if (stat?.inode !== inode || stat.major !== major || stat.minor !== minor) return false;
  return stat.uid === 0 && (stat.mode & GROUP_OR_OTHERS_WRITE) === 0;
}

function fileSystemOf(folder: number): string {
  const type = statfsSync(`/proc/self/fd/${folder}/exe`).type;
  return FILE_SYSTEMS.get(type) ?? `0x${type.toString(16)}`;
}

/** True where the user of the process may rename what lies in a folder on the way, or may give itself the permission to. */
function replaceable(tree: SeenTree, exe: string, behalf: OnBehalfOf): boolean {
  if (behalf.uid === 0) return true;
  for (let folder = exe.slice(0, exe.lastIndexOf('/')); ; folder = folder.slice(0, folder.lastIndexOf('/'))) {
    const stat = tree.stat(folder === '' ? '/' : folder);
    if (stat === undefined || stat.uid === behalf.uid || may(behalf, stat, 2)) return true;
    if (folder === '') return false;
  }
}
