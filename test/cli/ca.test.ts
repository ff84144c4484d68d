import type { World } from './command-line';
import { mandate } from './command-line';
import { FakeService } from './fake-service';
import { AUTHORITIES, AUTHORITY_ORDERED } from './samples';

let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
});
beforeEach(() => {
  service.asked.length = 0;
  service.answers = { admin: { showAuthorities: AUTHORITIES, orderAuthorities: AUTHORITY_ORDERED } };
});
afterAll(() => service.stop());

const ca = (args: readonly string[], world: World = {}) => mandate(['ca', ...args], { socket: service.socket, ...world });
const orders = () => service.asked.filter(({ verb }) => verb === 'orderAuthorities').map(({ request }) => request);

test('show: who signs, who will, and who is still in the bundle, each with what comes next', async () => {
  const { exit, out } = await ca(['show']);
  expect(exit).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toBe('lives 14d for X509-SVIDs, 14d for JWT-SVIDs · signs nothing in its first 5m in the bundle');
  expect(lines[2]).toMatch(/^KIND +STAGE +KEY +PREPARED +NOT-AFTER +NEXT$/);
  expect(lines.slice(3).map((line) => line.split(/ {2,}/).slice(1, 2)[0])).toEqual(['retired', 'tainted', 'active', 'prepared', 'active']);
  expect(out).toMatch(/retired .* leaves the bundle at 2026-02-25T10:00:00Z\n/);
  expect(out).toMatch(/tainted .* in the bundle until it is revoked, by itself at 2026-03-01T09:01:00Z\n/);
  expect(out).toMatch(/active .* signs\n/);
  expect((await ca(['show', '--all'])).out).toMatch(/revoked .* out of the bundle\n/);
});

test.each([
  [['prepare'], { order: 'prepare' }],
  [['prepare', 'jwt-rs256'], { order: 'prepare', kinds: ['jwt-rs256'] }],
  [['prepare', 'jwt'], { order: 'prepare', kinds: ['jwt'] }],
  [['rotate', 'x509'], { order: 'rotate', kinds: ['x509'] }],
  [['activate', 'dd44'], { order: 'activate', reference: 'dd44' }],
  // By its whole id: a prefix could have come to fit two.
  [['taint', 'cc33', '-y'], { order: 'taint', reference: 'cc33'.repeat(10) }],
  [['revoke', 'cc33', '-y'], { order: 'revoke', reference: 'cc33'.repeat(10) }],
  // What fits none or several is the service's to refuse.
  [['taint', 'ffff', '-y'], { order: 'taint', reference: 'ffff' }],
] as const)('%j orders it', async (args, request) => {
  expect((await ca(args)).exit).toBe(0);
  expect(orders()).toEqual([request]);
});

test('a kind that there is not is a usage error', async () => {
  const { exit, err } = await ca(['prepare', 'rsa']);
  expect([exit, orders()]).toEqual([2, []]);
  expect(err).toContain('x509, jwt, jwt-rs256');
});

test.each(['taint', 'revoke'])('%s needs a yes', async (verb) => {
  const { exit, err } = await ca([verb, 'cc33']);
  expect([exit, orders()]).toEqual([2, []]);
  expect(err).toContain('add -y');
});

test('taint says what services will see that do not know a successor yet', async () => {
  const active = '6c1f';
  const stays = 'stays in the bundle until it is revoked: by itself, 1m after';
  expect((await ca(['taint', active, '-y'])).err).toContain(stays);
  service.answers.admin = {
    showAuthorities: { ...AUTHORITIES, authorities: AUTHORITIES.authorities.filter(({ stage }) => stage !== 'prepared') },
    orderAuthorities: AUTHORITY_ORDERED,
  };
  const { err } = await ca(['taint', active, '-y']);
  expect(err).toContain(stays);
  expect(err).toContain('No successor is published');
  expect(err).toContain('every 1m');
});
