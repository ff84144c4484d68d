import fc from 'fast-check';
import { type AcceptedStatement, manifestStanding } from '../../src/domain/manifest-standing';

const DAY = 86_400;
const at = (day: number): number => day * DAY * 1000;
/** v1 on day 1 lists a and b, v2 on day 2 leaves out b, v3 on day 5 leaves out a and lists b again. */
const HISTORY: readonly AcceptedStatement[] = [
  { version: 3, acceptedAtMs: at(5), admits: ['b', 'c'] },
  { version: 2, acceptedAtMs: at(2), admits: ['a'] },
  { version: 1, acceptedAtMs: at(1), admits: ['a', 'b'] },
];
const standing = (history: readonly AcceptedStatement[], graceDays: number, nowMs: number) => {
  const { admits, ...rest } = manifestStanding(history, graceDays * DAY, nowMs)!;
  return { ...rest, admits: [...admits].sort().join('') };
};

test('nothing accepted, nothing admitted', () => expect(manifestStanding([], DAY, 0)).toBeUndefined());

test.each<[string, readonly AcceptedStatement[], number, number, string, number | undefined]>([
  ['the only statement, for ever', HISTORY.slice(2), 14, at(900), 'ab', undefined],
  ['no grace: the newest alone', HISTORY, 0, at(5), 'bc', undefined],
  ['in grace, what the newest left out', HISTORY, 1, at(5.5), 'abc', at(6)],
  ['a millisecond before its end', HISTORY, 1, at(6) - 1, 'abc', at(6)],
  ['at its end', HISTORY, 1, at(6), 'bc', undefined],
  ['after it', HISTORY, 1, at(7), 'bc', undefined],
  ['two left out at different times', HISTORY.slice(1), 4, at(3), 'ab', at(6)],
  ['a clock that went back, in a grace', HISTORY, 1, at(4), 'abc', at(6)],
  ['a clock that went back, without a grace', HISTORY, 0, at(4), 'bc', undefined],
])('%s', (_name, history, graceDays, nowMs, admits, changesAtMs) => {
  expect(standing(history, graceDays, nowMs)).toEqual({ version: history[0]!.version, expired: false, admits, changesAtMs });
});

const BRIEF: readonly AcceptedStatement[] = [
  { version: 2, acceptedAtMs: at(5), admits: ['b'], expiresAtMs: at(8) },
  { version: 1, acceptedAtMs: at(1), admits: ['a', 'b'], expiresAtMs: at(3) },
];
test.each<[string, number, number, string, boolean, number | undefined]>([
  ['before the end of the newest', 0, at(8) - 1, 'b', false, at(8)],
  ['at its end', 0, at(8), '', true, undefined],
  ['in grace after its end', 2, at(9), 'b', true, at(10)],
  ['after the grace', 2, at(10), '', true, undefined],
  ['what the older listed counts from its own end', 4, at(6), 'ab', false, at(7)],
  ['not from when it was followed', 4, at(7), 'b', false, at(12)],
])('an end of its own: %s', (_name, graceDays, nowMs, admits, expired, changesAtMs) => {
  expect(standing(BRIEF, graceDays, nowMs)).toEqual({ version: 2, admits, expired, changesAtMs });
});

test('a hash left out twice counts from the later time', () => {
  const history = [
    { version: 4, acceptedAtMs: at(9), admits: ['x'] },
    { version: 3, acceptedAtMs: at(8), admits: ['a'] },
    { version: 2, acceptedAtMs: at(2), admits: ['x'] },
    { version: 1, acceptedAtMs: at(1), admits: ['a'] },
  ];
  expect(standing(history, 2, at(10))).toEqual({ version: 4, expired: false, admits: 'ax', changesAtMs: at(11) });
  expect(standing(history, 2, at(11))).toEqual({ version: 4, expired: false, admits: 'x', changesAtMs: undefined });
});

test('time only takes away, and nothing changes before the instant that is named', () => {
  const history = fc
    .array(
      fc.tuple(
        fc.integer({ min: 1, max: 20 }),
        fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }),
        fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((gaps) => {
      let day = 0;
      return gaps
        .map(([gap, admits, life], i): AcceptedStatement => {
          day += gap;
          return { version: i + 1, acceptedAtMs: at(day), admits, ...(life !== undefined && { expiresAtMs: at(day + life) }) };
        })
        .reverse();
    });
  fc.assert(
    fc.property(history, fc.nat(30), fc.nat(60), fc.nat(60), (statements, grace, early, more) => {
      const newestMs = statements[0]!.acceptedAtMs;
      const first = manifestStanding(statements, grace * DAY, newestMs + at(early))!;
      const later = manifestStanding(statements, grace * DAY, newestMs + at(early + more))!;
      for (const hash of later.admits) expect(first.admits.has(hash)).toBe(true);
      for (const hash of statements[0]!.admits) if (!later.expired) expect(later.admits.has(hash)).toBe(true);
      const unchanged = first.changesAtMs === undefined || newestMs + at(early + more) < first.changesAtMs;
      if (unchanged) expect(later.admits).toEqual(first.admits);
      else expect(later.admits.size).toBeLessThan(first.admits.size);
    }),
  );
});
