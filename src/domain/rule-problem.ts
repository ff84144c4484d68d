import { terminalText } from './terminal-text';

/** One thing wrong with a rule file, where it is and what to write instead. Line and column count from 1. */
export interface RuleProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the key, e.g. `match.binary.sha256`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  /** The line as it stands, printable. */
  readonly excerpt: string;
}

/** Places a problem in its text. Columns count characters as an editor does. */
export function problemAt(source: { readonly file: string; readonly text: string }, at: number, key: string, message: string): RuleProblem {
  const offset = Math.min(Math.max(0, at), source.text.length);
  const start = source.text.lastIndexOf('\n', offset - 1) + 1;
  const end = source.text.indexOf('\n', offset);
  let line = 1;
  for (let i = source.text.indexOf('\n'); i !== -1 && i < start; i = source.text.indexOf('\n', i + 1)) line++;
  return {
    file: terminalText(source.file, 256),
    line,
    column: [...source.text.slice(start, offset)].length + 1,
    key: terminalText(key, 128),
    message: terminalText(message, 400),
    excerpt: terminalText(source.text.slice(start, end === -1 ? undefined : end).trimEnd(), 160),
  };
}

/** A problem as it is printed: place and message, the line, and a mark below the column. */
export function problemText(problem: RuleProblem): string {
  const { file, line, column, message, excerpt } = problem;
  const mark = column <= excerpt.length + 1 ? `\n      ${' '.repeat(column - 1)}^` : '';
  return `${file}:${line}:${column}: ${message}\n      ${excerpt}${mark}`;
}

/** The allowed word that `word` was probably meant to be, or undefined. */
export function suggestion(word: string, allowed: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const near = allowed
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)));
  return near.sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      row.push(best);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] as number;
}
