import { allow, requireAllowed, type Welcome } from '../../src/service/allow';
import { lineageOf, type Lineage } from '../../src/service/lineage-claim';
import { type Peer, peerOf } from '../../src/service/peer';

const LINEAGE: Lineage = {
  delegation: 'd-1',
  agent: 'a-1',
  delegator: 'p-1',
  given: 'launched',
  assurance: { process: 'measured', delegator: 'os-account', device: 'declared' },
};
const peer = (spiffeId: string, lineage?: Lineage): Peer => ({
  kind: lineage ? 'jwt-svid' : 'x509-svid',
  spiffeId,
  serial: 'x',
  notAfterMs: 0,
  lineage,
});
const ID = 'spiffe://example.org/agent/ana';

test.each<[string | string[], string, boolean]>([
  [ID, ID, true],
  [ID, 'spiffe://example.org/agent/Ana', false],
  [ID, 'spiffe://example.org/agent/anabel', false],
  [ID, 'spiffe://example.org/agent/ana/x', false],
  [ID, 'spiffe://other.org/agent/ana', false],
  [['spiffe://example.org/x', ID], ID, true],
  ['spiffe://example.org/agent/*', ID, true],
  ['spiffe://example.org/agent/*', 'spiffe://example.org/agent', false],
  ['spiffe://example.org/agent/*', 'spiffe://example.org/agent/ana/x', false],
  ['spiffe://example.org/agent/*', 'spiffe://example.org/agents/ana', false],
  ['spiffe://example.org/*/ana', ID, true],
  ['spiffe://example.org/agent/**', ID, true],
  ['spiffe://example.org/agent/**', 'spiffe://example.org/agent/ana/x/y', true],
  ['spiffe://example.org/agent/**', 'spiffe://example.org/agent', false],
  ['spiffe://example.org/agent/**', 'spiffe://example.org/agentx/ana', false],
  ['spiffe://example.org/agent/**', 'spiffe://example.org.evil/agent/ana', false],
  ['spiffe://example.org/**', ID, true],
  ['spiffe://example.org/**', 'spiffe://sub.example.org/agent/ana', false],
])('ID-13, ID-14: id %j and %s: %s', (id, seen, welcome) => {
  expect(allow({ id })(peer(seen)) === undefined).toBe(welcome);
});

test.each<[string, Welcome]>([
  ['nobody', {}],
  ['a star within a segment', { id: 'spiffe://example.org/agent/ana*' }],
  ['a star in the trust domain', { id: 'spiffe://*.example.org/agent' }],
  ['a star for every trust domain', { id: 'spiffe://*/agent' }],
  ['two stars before the end', { id: 'spiffe://example.org/**/ana' }],
  ['a star alone', { id: '*' }],
  ['an ID that is none', { id: 'spiffe://Example.org/x' }],
  ['an empty segment', { id: 'spiffe://example.org//*' }],
  ['a dot segment', { id: 'spiffe://example.org/../*' }],
  ['a step that no ladder has', { id: ID, assurance: { process: 'trusted' as 'launched' } }],
  ['a ladder that there is not', { id: ID, assurance: { person: 'oidc' } as object }],
])('who names %s is told so', (_what, welcome) => {
  expect(() => allow(welcome)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^E_(CONFIG|REQUEST)$/) }));
});

test('an empty list of those who are welcome is told as well', () => {
  expect(() => allow()).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});

test.each<[Welcome, Lineage | undefined, string | undefined]>([
  [{ id: ID, assurance: { process: 'observed' } }, LINEAGE, undefined],
  [{ id: ID, assurance: { process: 'measured', delegator: 'os-account' } }, LINEAGE, undefined],
  [{ id: ID, assurance: { process: 'launched' } }, LINEAGE, 'process known too weakly'],
  [{ id: ID, assurance: { device: 'tpm' } }, LINEAGE, 'device known too weakly'],
  [{ id: ID, assurance: { process: 'declared' } }, undefined, 'an SVID that does not say on whose behalf'],
  [{ id: ID, delegator: 'p-1' }, LINEAGE, undefined],
  [{ id: ID, delegator: ['p-0', 'p-1'] }, LINEAGE, undefined],
  [{ id: ID, delegator: 'p-2' }, LINEAGE, 'another delegator'],
  [{ id: ID, delegator: 'p-1' }, { ...LINEAGE, delegator: null }, 'another delegator'],
  [{ id: ID, delegator: 'p-1' }, undefined, 'an SVID that does not say on whose behalf'],
  [{ id: ID, given: ['launched', 'approved'] }, LINEAGE, undefined],
  [{ id: ID, given: 'approved' }, LINEAGE, 'a delegation given in another way'],
  [{ trustDomain: 'example.org' }, undefined, undefined],
  [{ trustDomain: 'spiffe://other.org' }, undefined, 'another trust domain'],
])('%j', (welcome, lineage, why) => {
  expect(allow(welcome)(peer(ID, lineage))).toBe(why);
});

test('one of several has to fit, as a whole', () => {
  const either = allow({ id: ID, assurance: { process: 'launched' } }, { trustDomain: 'other.org' });
  expect(either(peer(ID, LINEAGE))).toBe('process known too weakly');
  expect(either(peer('spiffe://other.org/x'))).toBeUndefined();
});

test.each<[string, unknown]>([
  ['a reason', () => 'no'],
  ['false', () => false],
  ['true', () => true],
  ['a promise', () => Promise.resolve()],
  [
    'an exception',
    () => {
      throw new Error('x');
    },
  ],
])('an authoriser that gives back %s lets nobody in', (_what, authoriser) => {
  expect(() => requireAllowed(authoriser as never, peer(ID))).toThrow(expect.objectContaining({ code: 'E_PEER_NOT_ALLOWED' }));
});

test('a request that nothing checked has no peer', () => {
  expect(() => peerOf({ raw: {}, socket: {} })).toThrow(expect.objectContaining({ code: 'E_PEER_NOT_ALLOWED' }));
});

const CLAIM = { v: 1, ...LINEAGE };
test.each<[string, unknown, boolean]>([
  ['as it is issued', CLAIM, true],
  ['without a delegator', { ...CLAIM, delegator: null }, true],
  ['with a member that came later', { ...CLAIM, task: 'x' }, true],
  ['of another version', { ...CLAIM, v: 2 }, false],
  ['that is no object', 'x', false],
  ['with a step of no ladder', { ...CLAIM, assurance: { ...LINEAGE.assurance, process: 'proven' } }, false],
  ['without a ladder', { ...CLAIM, assurance: { process: 'launched' } }, false],
  ['with an id of another kind', { ...CLAIM, delegator: 7 }, false],
  ['given in an unknown way', { ...CLAIM, given: 'stolen' }, false],
])('a lineage claim %s', (_what, claim, read) => {
  expect(lineageOf({ 'urn:mandate:lineage': claim }) !== undefined).toBe(read);
});
