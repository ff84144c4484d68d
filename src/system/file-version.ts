import type { BigIntStats } from 'node:fs';

/** Equal as long as an inode is the same one and was not changed, as far as its stamps tell. */
export const fileVersion = (stat: BigIntStats): string => [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
