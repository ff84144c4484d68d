import type { Style } from './style';

/** Aligned columns without borders; every cell is text that is safe to print. The last column is never padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))));
  const line = (cells: readonly string[]) =>
    head
      .map((_, column) => (column === head.length - 1 ? (cells[column] ?? '') : pad(cells[column] ?? '', widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [style.bold(line(head)), ...rows.map(line)].join('\n') + '\n';
}

/** Left-aligned label and value per line, values in one column. */
export function pairs(rows: readonly (readonly [label: string, value: string])[], indent = '  '): string {
  const widest = Math.max(0, ...rows.map(([label]) => width(label)));
  return rows.map(([label, value]) => `${indent}${pad(label, widest)}  ${value}`.trimEnd() + '\n').join('');
}

/** `text` filled up with blanks to `columns`; counts code points, and East Asian wide ones twice. */
export const pad = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - width(text)));

const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const MARK = /\p{Mn}|\p{Me}/u;

/** Columns that a text takes on a terminal. */
export function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += MARK.test(character) ? 0 : WIDE.test(character) || (character.codePointAt(0) ?? 0) > 0x1f000 ? 2 : 1;
  return columns;
}
