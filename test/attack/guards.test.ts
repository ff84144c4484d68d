import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Patch } from '../running/scratch';
import { ROOT } from '../running/installation';
import * as GUARDS from './guards';

const patches = Object.entries(GUARDS as Record<string, Patch | readonly Patch[]>).flatMap(([name, patch]) =>
  [patch].flat().flatMap(({ file, edits }) => edits.map(([from]) => [`${name}: ${from.trim()}`, file, from] as const)),
);

test.each(patches)('%s is in the source once', (_name, file, from) => {
  expect(readFileSync(path.join(ROOT, file), 'utf8').split(from)).toHaveLength(2);
});
