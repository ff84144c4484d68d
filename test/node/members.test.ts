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
  processKey: 'first',
  programInode: '1:2',
  programSeen: true,
};
const CHAIN = [{ key: 'shell' }, { key: 'first' }, { key: 'init' }];

let members: Members;
beforeEach(() => {
  members = new Members();
  members.open(LAUNCH);
});

test('the nearest member among the ancestors decides', () => {
  const membership = { agentId: 'agent', agentName: 'hello-1234', launch: LAUNCH, via: 'first' };
  expect(members.inherit('child', CHAIN)).toEqual(membership);
  expect(members.get('child')).toEqual(membership);
  expect(members.inherit('grandchild', [{ key: 'child' }, ...CHAIN])).toEqual({ ...membership, via: 'child' });
  expect(members.inherit('stranger', [{ key: 'init' }])).toBeUndefined();
});

test('a question makes nobody a member, so that a launch ends with those who are', () => {
  expect(members.find('child', CHAIN)).toMatchObject({ agentId: 'agent', via: 'first' });
  expect(members.get('child')).toBeUndefined();
  members.ended('first');
  expect(members.launch('launch')).toBeUndefined();
});
