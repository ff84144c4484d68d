import { closeSync } from 'node:fs';
import { openAt } from './below';
import { errno, lastErrno, libc, pinnedBlock } from './libc';
import { readUpTo } from './own-words';

const MAX_MAPS_BYTES = 1024 * 1024;
const MAX_FILES = 512;
/** About as many as the text of that size has lines. */
const MAX_QUERIES = 16_384;

/** A file that a process has mapped as code. */
export interface MappedFile {
  readonly major: number;
  readonly minor: number;
  readonly inode: bigint;
  /** As /proc/PID/maps writes it: latin-1, a newline as `\012`, with ` (deleted)` where nothing of that name is left. */
  readonly path: string;
}

export interface MappedFiles {
  /** One for each path. */
  readonly files: readonly MappedFile[];
  /** False where there are more than were read. */
  readonly complete: boolean;
}

/**
 * What the process of this /proc folder has mapped as code. Asked mapping by mapping where the kernel answers that (Linux 6.11): of a hundred lines of text,
 * which it takes long to write, a handful are executable files.
 */
export function mappedFiles(folder: number): MappedFiles {
  const maps = openAt(folder, 'maps');
  try {
    return queried(maps) ?? fromText(folder);
  } finally {
    closeSync(maps);
  }
}

function fromText(folder: number): MappedFiles {
  const text = readUpTo(folder, 'maps', MAX_MAPS_BYTES);
  const files = executableFiles(text.toString('latin1'));
  return { files, complete: text.length < MAX_MAPS_BYTES && files.length < MAX_FILES };
}

/** Lines of proc_pid_maps(5) that are executable and have a file, one for each path. */
export function executableFiles(maps: string): readonly MappedFile[] {
  const found = new Map<string, MappedFile>();
  for (const line of maps.split('\n')) {
    const [, major, minor, inode, path] = /^[0-9a-f]+-[0-9a-f]+ ..x. [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+) +(\/.*)$/.exec(line) ?? [];
    if (path === undefined || found.size >= MAX_FILES) continue;
    found.set(path, { major: parseInt(major!, 16), minor: parseInt(minor!, 16), inode: BigInt(inode!), path });
  }
  return [...found.values()];
}

/** struct procmap_query (linux/fs.h), and after it the place for a path. */
const QUERY = { size: 104, flags: 8, address: 16, end: 32, inode: 64, major: 72, minor: 76, pathSize: 80, pathAt: 88 } as const;
const MAX_PATH_BYTES = 4096;
const PROCMAP_QUERY = 0xc0686611;
const EXECUTABLE_FILE_HERE_OR_NEXT = 0x04n | 0x20n | 0x10n;
let block: { readonly at: bigint; readonly bytes: Buffer } | undefined;

/** Undefined where the kernel cannot say, so that the text has to. `maps` is open, and means one address space for as long as it is. */
export function queried(maps: number): MappedFiles | undefined {
  block ??= pinnedBlock(QUERY.size + MAX_PATH_BYTES);
  const { at, bytes } = block;
  bytes.fill(0, 0, QUERY.size);
  bytes.writeBigUInt64LE(BigInt(QUERY.size), 0);
  bytes.writeBigUInt64LE(EXECUTABLE_FILE_HERE_OR_NEXT, QUERY.flags);
  bytes.writeBigUInt64LE(at + BigInt(QUERY.size), QUERY.pathAt);
  const found = new Map<string, MappedFile>();
  for (let left = MAX_QUERIES; left > 0 && found.size < MAX_FILES; left--) {
    bytes.writeUInt32LE(MAX_PATH_BYTES, QUERY.pathSize);
    if (libc('ioctlValue')(maps, PROCMAP_QUERY, at) !== 0)
      return lastErrno() === errno.ENOENT ? { files: [...found.values()], complete: true } : undefined;
    const mapped = answerOf(bytes);
    if (mapped.path.startsWith('/')) found.set(mapped.path, mapped);
    bytes.copyWithin(QUERY.address, QUERY.end, QUERY.end + 8);
  }
  return { files: [...found.values()], complete: false };
}

function answerOf(bytes: Buffer): MappedFile {
  // With the NUL at its end; nothing where it has no name.
  const length = Math.max(0, bytes.readUInt32LE(QUERY.pathSize) - 1);
  return {
    major: bytes.readUInt32LE(QUERY.major),
    minor: bytes.readUInt32LE(QUERY.minor),
    inode: bytes.readBigUInt64LE(QUERY.inode),
    path: bytes.toString('latin1', QUERY.size, QUERY.size + length).replaceAll('\n', '\\012'),
  };
}
