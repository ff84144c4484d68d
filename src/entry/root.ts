import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Folder of the installation or clone: `dist/src/entry` lies three levels below it. */
export const rootFolder = path.resolve(__dirname, '../../..');

/** The version in package.json, which is shipped beside the compiled code. */
export const version = (): string =>
  (JSON.parse(readFileSync(path.join(rootFolder, 'package.json'), 'utf8')) as { version: string }).version;
