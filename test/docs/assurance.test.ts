import type { AttackCase } from '../attack/attack-case';
import { CASES } from '../attack/cases/all';
import { OPEN } from '../attack/expected';
import { cellsBelow, quoted, readPage } from './markdown';

const MODES = ['installed', 'own user'] as const;
type Word = 'yes' | 'no' | '–';

const cases = new Map(CASES.map((attack) => [attack.name, attack]));
const rows = cellsBelow(readPage('docs/threat-model.md').prose, '### What tries these words');

/** What the suite has a sentence say that rests on this case. */
function word({ name, only }: AttackCase, mode: (typeof MODES)[number]): Word {
  if (only !== undefined && only !== mode) return '–';
  return OPEN[name]?.[mode] === undefined ? 'yes' : 'no';
}

test('the table was found', () => expect(rows.length).toBeGreaterThan(20));

describe('each sentence of the threat model says what its cases are expected to obtain', () => {
  test.each(
    rows.map(([of, sentence, installed, ownUser, behind]) => [`${of}: ${sentence}`, [installed, ownUser], quoted(behind ?? '')] as const),
  )('%s', (_sentence, said, behind) => {
    expect(behind).not.toEqual([]);
    expect(behind.filter((name) => !cases.has(name))).toEqual([]);
    for (const name of behind) expect([name, ...MODES.map((mode) => word(cases.get(name)!, mode))]).toEqual([name, ...said]);
  });
});
