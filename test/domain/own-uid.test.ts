import { rootDelegation } from '../../src/domain/delegation';
import {
  FIRST_OWN_UID,
  giveUid,
  isOwnUid,
  NO_OWN_UIDS,
  OWN_UIDS,
  type OwnUids,
  readOwnUids,
  REST_MS,
  restUid,
} from '../../src/domain/own-uid';
import { keepsVariable, within } from '../../src/domain/own-uid-protocol';

const NOW = 1_800_000_000_000;
const nobody = () => false;
const given = (table: OwnUids, launchId: string, nowMs = NOW, taken: (uid: number) => boolean = nobody) =>
  giveUid(table, launchId, nowMs, taken)!;

test('uids are given in turn, one for each launch', () => {
  const first = given(NO_OWN_UIDS, 'a');
  const second = given(first.table, 'b');
  expect([first.uid, second.uid]).toEqual([FIRST_OWN_UID, FIRST_OWN_UID + 1]);
  expect(second.table.used).toEqual([
    { uid: FIRST_OWN_UID, launchId: 'a', endedAtMs: null },
    { uid: FIRST_OWN_UID + 1, launchId: 'b', endedAtMs: null },
  ]);
});

test('one that an account or a process has is passed over', () => {
  expect(given(NO_OWN_UIDS, 'a', NOW, (uid) => uid < FIRST_OWN_UID + 3).uid).toBe(FIRST_OWN_UID + 3);
  expect(giveUid(NO_OWN_UIDS, 'a', NOW, () => true)).toBeUndefined();
});

test('one is given again only when its launch has ended and it has rested, the range once round', () => {
  const last = FIRST_OWN_UID + OWN_UIDS - 1;
  const open = { last, used: [{ uid: FIRST_OWN_UID, launchId: 'a', endedAtMs: null }] };
  expect(given(open, 'b', NOW + 10 * REST_MS).uid).toBe(FIRST_OWN_UID + 1);
  const rests = restUid(open, 'a', NOW);
  expect(given(rests, 'b', NOW + REST_MS - 1).uid).toBe(FIRST_OWN_UID + 1);
  expect(given(rests, 'b', NOW + REST_MS).uid).toBe(FIRST_OWN_UID);
  expect(restUid(rests, 'a', NOW + 5)).toEqual(rests);
});

test.each([
  ['nothing', ''],
  ['no table', '[]'],
  ['a uid outside the range', JSON.stringify({ last: FIRST_OWN_UID, used: [{ uid: 1000, launchId: 'a', endedAtMs: null }] })],
  ['a last one outside it', JSON.stringify({ last: 0, used: [] })],
  ['an entry without a launch', JSON.stringify({ last: FIRST_OWN_UID, used: [{ uid: FIRST_OWN_UID, endedAtMs: null }] })],
])('a table that is %s is none', (_, text) => expect(readOwnUids(text)).toBeUndefined());

test('a table is read as it was written', () => {
  const { table } = given(NO_OWN_UIDS, 'a');
  expect(readOwnUids(JSON.stringify(table))).toEqual(table);
});

test('no uid of the range is a human', () => {
  expect([FIRST_OWN_UID - 1, FIRST_OWN_UID, FIRST_OWN_UID + OWN_UIDS - 1, FIRST_OWN_UID + OWN_UIDS].map(isOwnUid)).toEqual([
    false,
    true,
    true,
    false,
  ]);
  const how = { userName: undefined, uidMin: 1000, terminal: true, agentAmongAncestors: false, launch: true };
  expect(rootDelegation({ ...how, uid: FIRST_OWN_UID })).toMatchObject({ person: null, stopCode: 'STOP_SYSTEM_ACCOUNT' });
});

test.each([
  ['PATH', true],
  ['LC_ALL', true],
  ['TERM', true],
  ['SSH_AUTH_SOCK', false],
  ['GITHUB_TOKEN', false],
  ['LD_PRELOAD', false],
  ['NODE_OPTIONS', false],
  ['XDG_RUNTIME_DIR', false],
])('%s is kept: %s', (name, kept) => {
  expect(keepsVariable(name, [])).toBe(kept);
  expect(keepsVariable(name, [name])).toBe(true);
});

test.each([
  ['/home/ana', '/home/ana', true],
  ['/home/ana/x', '/home/ana', true],
  ['/home/anabel', '/home/ana', false],
  ['/home', '/home/ana', false],
  ['/x', '/', true],
])('%s within %s: %s', (path, folder, expected) => expect(within(path, folder)).toBe(expected));
