import { delegationEndsAt, MAX_DELEGATION_SECONDS, rootDelegation } from '../../src/domain/delegation';

const human = { uid: 1000, userName: 'ana', uidMin: 1000, terminal: true, agentAmongAncestors: false, launch: true };

test('a human at a terminal who launches is the delegator', () => {
  expect(rootDelegation(human)).toEqual({
    given: 'launched',
    person: { kind: 'os-account', name: 'ana', uid: 1000 },
    assurance: 'os-account',
    stopCode: null,
    stopReason: null,
  });
});

test.each([
  ['launch, terminal, no agent above', {}, 'launched'],
  ['no terminal', { terminal: false }, 'implicit'],
  ['an agent among the ancestors', { agentAmongAncestors: true }, 'implicit'],
  ['no launch', { launch: false }, 'implicit'],
  ['none of them', { terminal: false, agentAmongAncestors: true, launch: false }, 'implicit'],
])('%s: given %3$s', (_name, change, given) => {
  expect(rootDelegation({ ...human, ...change }).given).toBe(given);
});

test.each([
  ['root', { uid: 0, userName: 'root' }, 'STOP_ROOT'],
  ['an account below UID_MIN', { uid: 999, userName: 'daemon' }, 'STOP_SYSTEM_ACCOUNT'],
  ['an account below another UID_MIN', { uid: 1000, uidMin: 5000 }, 'STOP_SYSTEM_ACCOUNT'],
  ['nobody', { uid: 65534, userName: 'nobody' }, 'STOP_SYSTEM_ACCOUNT'],
  ['the uid that means none', { uid: 2 ** 32 - 1 }, 'STOP_SYSTEM_ACCOUNT'],
  ['root where UID_MIN is 0', { uid: 0, uidMin: 0 }, 'STOP_ROOT'],
])('%s is never a human', (_name, change, stopCode) => {
  const found = rootDelegation({ ...human, ...change });
  expect(found).toMatchObject({ person: null, assurance: 'declared', stopCode });
  expect(found.stopReason).toMatch(/^it was started by /);
});

test('an account without a name is called by its uid', () => {
  expect(rootDelegation({ ...human, uid: 4242, userName: undefined }).person).toEqual({ kind: 'os-account', name: 'uid-4242', uid: 4242 });
});

test('a delegation ends after seven days at most', () => {
  expect(MAX_DELEGATION_SECONDS).toBe(604_800);
  expect(delegationEndsAt(1_000)).toBe(604_801_000);
  expect(delegationEndsAt(1_000, 60)).toBe(61_000);
  expect(delegationEndsAt(1_000, 1e9)).toBe(604_801_000);
  expect(delegationEndsAt(1_000, -5)).toBe(1_000);
});
