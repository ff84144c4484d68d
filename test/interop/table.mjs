// The table as it is printed: a row per scenario, a column per client, and below it why a cell is not a plain ✓.

/** What stands in a cell of each state. */
export const SIGNS = { ok: '✓', failed: '✗', 'n/a': '–', skipped: '○', empty: '' };
const LEGEND = '✓ held   ✗ did not   – does not apply   ○ not built here';

/** `rows` are {title, cells}; a cell is {state, text}, where the text is a remark or the reason. */
export function tableText(clients, rows) {
  const reasons = [...new Set(rows.flatMap(({ cells }) => cells.filter(({ state }) => state === 'n/a').map(({ text }) => text)))];
  const sign = ({ state, text }) => (state === 'n/a' ? `${SIGNS[state]}${reasons.indexOf(text) + 1}` : SIGNS[state]);
  const names = clients.map(twoLines);
  const first = Math.max(...rows.map(({ title }) => title.length), 0) + 2;
  const widths = names.map((lines) => Math.max(...lines.map((line) => line.length)) + 2);
  const line = (head, cells) => `${head.padEnd(first)}${cells.map((cell, i) => cell.padEnd(widths[i])).join('')}`.trimEnd();
  const notes = (wanted, mark) => {
    const cells = rows.flatMap(({ title, cells }) => cells.map((cell, i) => ({ ...cell, title, client: clients[i] })));
    return [...byText(cells.filter(({ state, text }) => state === wanted && text !== ''))].map(
      ([text, where]) => `${mark} ${whereText(where)} · ${text}`,
    );
  };
  return [
    ...[0, 1].map((part) =>
      line(
        '',
        names.map((lines) => lines[part]),
      ),
    ),
    ...rows.map(({ title, cells }) => line(title, cells.map(sign))),
    '',
    LEGEND,
    ...notes('failed', '✗'),
    ...notes('skipped', '○'),
    ...reasons.map((why, i) => `–${i + 1} ${why}`),
    ...notes('ok', ' '),
    '',
  ].join('\n');
}

/** What many cells have to say is said once. */
function byText(cells) {
  const groups = new Map();
  for (const cell of cells) groups.set(cell.text, [...(groups.get(cell.text) ?? []), cell]);
  return groups;
}

function whereText(cells) {
  const [clients, titles] = [new Set(cells.map(({ client }) => client)), new Set(cells.map(({ title }) => title))];
  return `${[...clients].join(', ')} · ${titles.size === 1 ? [...titles][0] : `${titles.size} scenarios`}`;
}

/** Columns stay narrow: `rust-spiffe` stands on two lines. */
function twoLines(name) {
  const cut = name.search(/[- ]/);
  return cut < 0 ? ['', name] : [name.slice(0, cut + 1).trimEnd(), name.slice(cut + 1)];
}
