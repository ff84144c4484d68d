import { CASES } from '../attack/cases/all';
import { OPEN } from '../attack/expected';
import { cellsBelow, quoted, readPage } from './markdown';

const page = readPage('docs/attacks.md');
const names = new Set(CASES.map(({ name }) => name));

/** Where it is open, as the page says it. */
const modeWord = (modes: (typeof OPEN)[string]): string =>
  modes.installed === undefined ? 'own user' : modes['own user'] === undefined ? 'installed' : 'all';

test('the page names what is open, and in which mode, as the list does', () => {
  const listed = Object.entries(OPEN).map(([name, modes]) => [name, modeWord(modes)]);
  const said = cellsBelow(page.prose, '## What is open').map(([name, modes]) => [quoted(name!)[0], modes]);
  expect(said.sort()).toEqual(listed.sort());
});

describe('what the threat model rests on', () => {
  const rows = cellsBelow(page.prose, '## What the threat model rests on');
  const tried = cellsBelow(readPage('docs/threat-model.md').prose, '### A process of the same uid as an agent').map(([first]) => first!);

  test('there are rows on both sides', () => expect([rows.length > 10, tried.length > 10]).toEqual([true, true]));

  test.each(rows.map(([what, cases]) => [what!, cases!] as const))('%s', (what, cases) => {
    // A row may say more of how it is done than is repeated here.
    expect(tried.filter((row) => row === what || row.startsWith(`${what},`))).toHaveLength(1);
    expect(quoted(cases).filter((name) => !names.has(name))).toEqual([]);
    expect(quoted(cases)).not.toEqual([]);
  });
});
