import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { COMMANDS, GROUPS } from '../../src/cli/specs/all';
import { GLOBAL_OPTIONS } from '../../src/cli/specs/spec';
import { TOPICS } from '../../src/cli/topics';
import { isErrorCode } from '../../src/domain/errors';
import { mandate } from '../cli/command-line';
import { pages, type Page } from './markdown';

const all = pages();

interface Mention {
  readonly text: string;
  readonly line: number;
}

/** Where a page writes `mandate …`: in inline code, and at the start of a line of a shell block or transcript. */
function mentions(page: Page): Mention[] {
  const inline = page.prose.flatMap((prose, index) =>
    [...prose.matchAll(/`(?:bin\/)?mandate( [^`]*)?`/g)].map((match) => ({ text: (match[1] ?? '').trim(), line: index + 1 })),
  );
  const blocks = page.blocks
    .filter((block) => ['sh', 'console'].includes(block.language))
    .flatMap((block) =>
      block.text.split('\n').flatMap((line, index) => {
        const said = block.language === 'console' ? /^\$ (?:bin\/)?mandate(.*)$/.exec(line) : /^(?:bin\/)?mandate(.*)$/.exec(line);
        return said ? [{ text: said[1]!.trim(), line: block.line + 1 + index }] : [];
      }),
    );
  return [...inline, ...blocks].filter(({ text }) => text !== '');
}

const flagsOf = (text: string): string[] => (text.split(/ -- | --$/)[0] ?? '').match(/(?<=^| )--?[a-zA-Z][a-z-]*/g) ?? [];

/** What is wrong with a command line as a page writes it; undefined where nothing is. */
function fault(text: string): string | undefined {
  const words = text.split(/\s+/).filter((word) => !word.startsWith('-'));
  if (words.length === 0) return undefined;
  if (words[0] === 'help') {
    const topic = words.slice(1).join(' ');
    const known = topic === '' || /^[A-Z]+$/.test(topic) || Object.hasOwn(TOPICS, topic) || isErrorCode(topic);
    return known || COMMANDS.some((spec) => spec.path.join(' ') === topic) ? undefined : `no help for ${topic}`;
  }
  const spec = COMMANDS.find(({ path: names }) => names.every((name, index) => words[index] === name));
  if (spec === undefined) return GROUPS.some(({ name }) => words.join(' ') === name) ? undefined : 'no such command';
  const known = [...spec.options.flatMap((group) => group.options), ...GLOBAL_OPTIONS].map((option) => option.flags);
  const unknown = flagsOf(text).filter((flag) => !known.some((flags) => flags.split(/[ ,]+/).includes(flag)));
  return unknown.length > 0 ? `no flag ${unknown.join(', ')}` : undefined;
}

test.each(all.map((page) => [page.file, page] as const))('%s names commands and flags that exist', (_file, page) => {
  const wrong = mentions(page).flatMap(({ text, line }) => {
    const why = fault(text);
    return why === undefined ? [] : [`line ${line}: mandate ${text}: ${why}`];
  });
  expect(wrong).toEqual([]);
});

test('what does not exist is found', () => {
  expect(fault('frobnicate')).toBe('no such command');
  expect(fault('rules forget')).toBe('no such command');
  expect(fault('run --everything -- sh --posix')).toBe('no flag --everything');
  expect(fault('run --name x -- sh --posix')).toBeUndefined();
  expect(fault('help E_NOTHING')).toBe('no help for E_NOTHING');
  expect(mentions(all.find((page) => page.file === 'README.md')!).length).toBeGreaterThan(10);
});

describe('blocks marked as run', () => {
  const marked = all.flatMap((page) =>
    page.blocks.filter((block) => block.run).map((block) => [`${page.file}:${block.line}`, block] as const),
  );

  test('there are some', () => expect(marked.length).toBeGreaterThan(0));

  test.each(marked)('%s', async (_where, block) => {
    for (const line of block.text.split('\n').filter((text) => text.trim() !== '')) {
      const command = /^mandate (.*?)(?:\s+#.*)?$/.exec(line)?.[1];
      expect([line, command]).toEqual([line, expect.any(String)]);
      const { exit, out, err } = await mandate(command!.split(/\s+/));
      expect([line, exit, err]).toEqual([line, 0, '']);
      expect(out).not.toBe('');
    }
  });
});

describe('every rule in the pages is valid, and its tests hold', () => {
  const rules = all.flatMap((page) =>
    page.blocks.filter((block) => block.text.includes('kind: Rule')).map((block) => [`${page.file}:${block.line}`, block.text] as const),
  );
  const folder = mkdtempSync(path.join(tmpdir(), 'mandate-docs-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('there are some', () => expect(rules.length).toBeGreaterThan(1));

  test.each(rules)('%s', async (_where, text) => {
    mkdirSync(path.join(folder, 'hashes'), { recursive: true });
    writeFileSync(path.join(folder, 'hashes/claude.txt'), `${'ab'.repeat(32)}\n`);
    writeFileSync(path.join(folder, 'rule.yaml'), text);
    const { exit, out, err } = await mandate(['rules', 'validate', 'rule.yaml'], { cwd: folder });
    expect([exit, out, err]).toEqual([0, expect.stringContaining('valid'), '']);
  });
});
