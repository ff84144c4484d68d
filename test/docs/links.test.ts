import path from 'node:path';
import { isFolder, isThere, pages, resolveLink } from './markdown';

const all = pages();
const byFile = new Map(all.map((page) => [page.file, page]));

test('there are pages, and the parser sees their links', () => {
  expect(all.map((page) => page.file)).toEqual(expect.arrayContaining(['README.md', 'docs/README.md', 'docs/errors.md']));
  expect(byFile.get('README.md')!.links.length).toBeGreaterThan(10);
});

describe('every link leads somewhere', () => {
  test.each(all.map((page) => [page.file, page] as const))('%s', (_file, page) => {
    const broken = page.links.flatMap(({ target, line }) => {
      const found = resolveLink(page.file, target);
      if (found === undefined) return /^https:\/\//.test(target) ? [] : [`line ${line}: ${target}`];
      if (found.file.startsWith('..') || !isThere(found.file)) return [`line ${line}: ${target}`];
      const anchors = byFile.get(found.file)?.anchors;
      return found.anchor === undefined || anchors?.has(found.anchor) ? [] : [`line ${line}: ${target} has no such heading`];
    });
    expect(broken).toEqual([]);
  });
});

test('every page is reached from the README', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { target } of byFile.get(file)?.links ?? []) {
      const found = resolveLink(file, target)?.file;
      if (found === undefined) continue;
      // A link to a folder shows what lies in it.
      if (isFolder(found))
        for (const page of all) if (path.dirname(page.file) === path.normalize(found).replace(/\/$/, '')) visit(page.file);
      if (byFile.has(found)) visit(found);
    }
  };
  visit('README.md');
  expect(all.map((page) => page.file).filter((file) => !reached.has(file))).toEqual([]);
});
