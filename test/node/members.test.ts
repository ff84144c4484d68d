import { DOMAIN } from '../../src/domain/confinement';
import { Members, type OpenLaunch } from '../../src/node/members';

const LAUNCH: OpenLaunch = {
  launchId: 'launch',
  agentId: 'agent',
  agentName: 'hello-1234',
  name: 'hello',
  programPath: '/usr/bin/hello',
  programSha256: '00',
  user: 'ana',
  uid: 1000,
  ownUid: 0,
  processKey: 'first',
  grouped: true,
  confinement: DOMAIN,
  programInode: '1:2',
  programSeen: true,
  measured: undefined,
  changed: undefined,
};
const OTHER: OpenLaunch = { ...LAUNCH, launchId: 'other', agentId: 'agent-2', agentName: 'other-1234', processKey: 'second' };
const CHAIN = [{ key: 'shell' }, { key: 'first' }, { key: 'init' }];
const process = (key: string) => ({ key });

let members: Members;
let populated: Set<string>;
let ended: string[];
beforeEach(() => {
  populated = new Set();
  ended = [];
  members = new Members({ populated: (launchId) => populated.has(launchId), ended: ({ launchId }) => ended.push(launchId) });
  members.open(LAUNCH);
  members.open(OTHER);
});

describe('who belongs to a launch', () => {
  test.each([
    ['the launched process', 'first', [], undefined, 'launch', 'pinned', undefined],
    ['its child', 'child', CHAIN, undefined, 'launch', 'ancestor', 'first'],
    ['its child in the control group', 'child', CHAIN, 'launch', 'launch', 'cgroup', 'first'],
    ['who was handed to init, in the control group', 'orphan', [{ key: 'init' }], 'launch', 'launch', 'cgroup', undefined],
    ['who was handed to another agent, in the control group', 'orphan', [{ key: 'second' }], 'launch', 'launch', 'cgroup', undefined],
    ['who was handed to init, elsewhere', 'orphan', [{ key: 'init' }], undefined, undefined, undefined, undefined],
    ['who left the control group after it was pinned', 'first', [{ key: 'init' }], undefined, 'launch', 'pinned', undefined],
    ['who was moved to another one after it was pinned', 'first', [{ key: 'init' }], 'other', 'launch', 'pinned', undefined],
    ['who left the control group and has a member above it', 'child', CHAIN, undefined, 'launch', 'ancestor', 'first'],
    ['who is in the group of no open launch', 'stranger', [{ key: 'init' }], 'gone', undefined, undefined, undefined],
  ])('%s', (_, key, chain, groupOf, launchId, kind, via) => {
    const found = members.find(process(key), chain, groupOf);
    expect([found?.launch?.launchId, found?.kind, found?.via]).toEqual([launchId, kind, via]);
    expect(members.inherit(process(key), chain, groupOf)).toEqual(found);
    expect(members.get(key)).toEqual(found);
    // A pinned member stays one, wherever it goes.
    expect(members.find(process(key), [], 'other')?.agentId ?? 'agent-2').toBe(found?.agentId ?? 'agent-2');
  });

  test('the nearest member among the ancestors decides', () => {
    members.inherit(process('child'), CHAIN, undefined);
    expect(members.find(process('grandchild'), [{ key: 'child' }, ...CHAIN], undefined)).toMatchObject({ kind: 'ancestor', via: 'child' });
  });

  test('a question makes nobody a member', () => {
    expect(members.find(process('child'), CHAIN, undefined)).toMatchObject({ agentId: 'agent', via: 'first' });
    expect(members.get('child')).toBeUndefined();
  });
});

describe('a launch ends', () => {
  test('with its last pinned member, where its group is empty', () => {
    members.inherit(process('child'), CHAIN, undefined);
    members.ended('first');
    expect([ended, members.launch('launch')]).toEqual([[], LAUNCH]);
    members.ended('child');
    expect([ended, members.launch('launch')]).toEqual([['launch'], undefined]);
  });

  test('when its group is empty, where nobody is pinned any more', () => {
    populated.add('launch');
    members.ended('first');
    members.settle('launch');
    expect(ended).toEqual([]);
    expect(members.find(process('orphan'), [], 'launch')).toMatchObject({ agentId: 'agent', kind: 'cgroup' });
    populated.delete('launch');
    members.settle('launch');
    members.settle('launch');
    expect(ended).toEqual(['launch']);
    expect(members.find(process('orphan'), [], 'launch')).toBeUndefined();
  });

  test('not while somebody is pinned whom root moved out of its group', () => {
    members.settle('launch');
    expect(ended).toEqual([]);
  });

  test('one that was taken up again without a pinned process, when its group is empty', () => {
    const later = { ...LAUNCH, launchId: 'later' };
    populated.add('later');
    members.resume(later);
    members.settle('later');
    expect(ended).toEqual([]);
    populated.delete('later');
    members.settle('later');
    expect(ended).toEqual(['later']);
  });
});

test('an agent is its pinned processes and its launch', () => {
  members.inherit(process('child'), CHAIN, undefined);
  expect(members.ofAgent('agent')).toEqual({ keys: ['first', 'child'], launch: LAUNCH });
  expect(members.ofAgent('nobody')).toEqual({ keys: [], launch: undefined });
});
