import { leftovers } from '../../src/system/give-up';
import { limitsIn } from '../../src/system/resource-limits';

const UID = 1_900_000_007;
const ids = [UID, UID, UID, UID].join('\t');
const NOTHING = '0000000000000000';
const status = (over: Readonly<Record<string, string>> = {}) =>
  Object.entries({
    Name: 'node',
    Uid: ids,
    Gid: ids,
    Groups: ' ',
    CapInh: NOTHING,
    CapPrm: NOTHING,
    CapEff: NOTHING,
    CapBnd: NOTHING,
    CapAmb: NOTHING,
    NoNewPrivs: '1',
    ...over,
  })
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join('');

test('nothing is left', () => expect(leftovers(status(), UID)).toBeUndefined());

test.each([
  ['Uid', `${UID}\t${UID}\t0\t${UID}`],
  ['Gid', `0\t${UID}\t${UID}\t${UID}`],
  ['Groups', '0'],
  ['CapInh', '0000000000000001'],
  ['CapPrm', '0000000000200000'],
  ['CapEff', '0000000000200000'],
  ['CapBnd', '000001ffffffffff'],
  ['CapAmb', '0000000000000400'],
  ['NoNewPrivs', '0'],
])('%s is found', (name, value) => expect(leftovers(status({ [name]: value }), UID)).toBe(name));

test('a line that the kernel does not show counts as left', () =>
  expect(leftovers(status().replace(/CapAmb.*\n/, ''), UID)).toBe('CapAmb'));

test('limits by their numbers; rows that are not known are left out', () => {
  const text = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    'Max open files            1024                 20000                files     ',
    'Max wonders               1                    2                    wonders   ',
  ].join('\n');
  const infinity = 2n ** 64n - 1n;
  expect(limitsIn(text)).toEqual([
    { number: 0, soft: infinity, hard: infinity },
    { number: 7, soft: 1024n, hard: 20000n },
  ]);
});
