import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(__dirname, '../..');

/** Folders that hold no pages of ours. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage', '.git', 'generated']);

export interface Link {
  readonly target: string;
  readonly line: number;
}

export interface Block {
  /** The word after the fence, e.g. `yaml`. */
  readonly language: string;
  readonly text: string;
  readonly line: number;
  /** Marked by `<!-- run -->` on the line above. */
  readonly run: boolean;
}

/** A Markdown page, taken apart as far as the tests need. */
export interface Page {
  /** Relative to the root of the project. */
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The page without its code blocks, one entry a line, so that line numbers hold. */
  readonly prose: readonly string[];
  readonly links: readonly Link[];
  /** What `#…` may name (GitHub's rule). */
  readonly anchors: ReadonlySet<string>;
}

/** Every Markdown page of the project. */
export function pages(): readonly Page[] {
  return filesBelow('').map(readPage);
}

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : filesBelow(name);
    return entry.isFile() && entry.name.endsWith('.md') ? [name] : [];
  });
}

export function readPage(file: string): Page {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const prose: string[] = [];
  const blocks: Block[] = [];
  let open: { language: string; line: number; run: boolean; lines: string[] } | undefined;
  let above = '';
  text.split('\n').forEach((line, index) => {
    const fence = /^```(\w*)/.exec(line);
    if (open === undefined && fence) open = { language: fence[1]!, line: index + 1, run: above === '<!-- run -->', lines: [] };
    else if (open !== undefined && fence) {
      blocks.push({ language: open.language, line: open.line, run: open.run, text: open.lines.join('\n') });
      open = undefined;
    } else open?.lines.push(line);
    prose.push(open !== undefined || fence ? '' : line);
    above = line.trim();
  });
  if (open !== undefined) throw new Error(`${file}: a code block that does not end`);
  return { file, text, blocks, prose, links: linksOf(prose), anchors: anchorsOf(prose) };
}

/** Without inline code: what stands in it is quoted, not said. */
export const spoken = (line: string): string => line.replace(/`[^`]*`/g, '');

/** Rows of the first table below a heading, as cells, without the head. */
export function cellsBelow(prose: readonly string[], heading: string): string[][] {
  const rest = prose.slice(prose.indexOf(heading) + 1);
  const end = rest.findIndex((line) => line.startsWith('#'));
  const table = rest.slice(0, end < 0 ? undefined : end).filter((line) => line.startsWith('| '));
  return table.slice(1).map((line) => line.slice(2, -2).split(' | '));
}

/** What stands in it as code. */
export const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

function linksOf(prose: readonly string[]): Link[] {
  return prose.flatMap((line, index) =>
    [...spoken(line).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ target: match[1]!, line: index + 1 })),
  );
}

function anchorsOf(prose: readonly string[]): Set<string> {
  const anchors = new Set<string>();
  for (const line of prose) {
    const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let name = slug;
    for (let n = 1; anchors.has(name); n++) name = `${slug}-${n}`;
    anchors.add(name);
  }
  return anchors;
}

/** What a relative link leads to, from the root; undefined for an address of the web. */
export function resolveLink(from: string, target: string): { file: string; anchor: string | undefined } | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [name, anchor] = target.split('#', 2) as [string, string | undefined];
  return { file: name === '' ? from : path.join(path.dirname(from), decodeURIComponent(name)), anchor };
}

export const isFolder = (file: string): boolean => statSync(path.join(ROOT, file), { throwIfNoEntry: false })?.isDirectory() ?? false;
export const isThere = (file: string): boolean => statSync(path.join(ROOT, file), { throwIfNoEntry: false }) !== undefined;
