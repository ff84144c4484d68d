import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT, readPage } from './markdown';

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const rows = readPage('docs/dependencies.md').prose.flatMap((line) => {
  const cells = line.startsWith('| `') ? line.slice(2, -2).split(' | ') : [];
  return cells.length > 0 ? [{ name: cells[0]!.replaceAll('`', ''), why: cells[1]!, size: cells[2]!, licence: cells[4]! }] : [];
});

test.each(['dependencies', 'optionalDependencies', 'devDependencies'])('%s are listed, in order, and nothing else is', (kind) => {
  const wanted = Object.keys(manifest[kind]).sort();
  expect(rows.map((row) => row.name).filter((name) => wanted.includes(name))).toEqual(wanted);
});

test('nothing is listed that is not a dependency', () => {
  const known = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) => Object.keys(manifest[kind]));
  expect(rows.map((row) => row.name).sort()).toEqual(known.sort());
});

test.each(rows.map((row) => [row.name, row] as const))('%s says why, how large, and under which licence', (name, row) => {
  expect(row.why.length).toBeGreaterThan(4);
  expect(row.size).toMatch(/^\d+(\.\d)? MB|^as below$/);
  const installed = path.join(ROOT, 'node_modules', name, 'package.json');
  // Packages of other platforms are not installed here; their licence is that of the one that is.
  if (existsSync(installed)) expect(row.licence).toBe(JSON.parse(readFileSync(installed, 'utf8')).license);
});
