import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mandate } from './command-line';
import { FakeService } from './fake-service';
import { FAILING_PARTNER, FEDERATION, PARTNER, TD } from './samples';

let cwd: string;
let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
  cwd = mkdtempSync(path.join(tmpdir(), 'm-'));
  writeFileSync(path.join(cwd, 'b.json'), '{"keys":[]}');
  writeFileSync(path.join(cwd, 'large.json'), Buffer.alloc(300_000));
});
afterAll(() => {
  service.stop();
  rmSync(cwd, { recursive: true });
});
beforeEach(() => {
  service.answers = { admin: { listFederation: FEDERATION } };
  service.asked.length = 0;
});

const run = (...argv: string[]) => mandate(['federation', ...argv], { cwd, socket: service.socket });
const SPIFFE = ['--url', PARTNER.url, '--profile', 'https_spiffe', '--endpoint-id', PARTNER.endpointId!, '--bundle', 'b.json'];

describe('ls', () => {
  test('one partner a line, and why the last poll of one failed', async () => {
    expect((await run('ls')).out).toBe(
      'TRUST-DOMAIN  STATE    SEQUENCE              X509+JWT  PROFILE       SINCE                 NEXT                  RULES\n' +
        'b.example     current  18446744073709551615  2+1       https_spiffe  2026-03-01T09:00:00Z  2026-03-01T10:05:00Z  reporter\n' +
        'c.example     failing  –                     2+1       https_web     2026-03-01T09:00:00Z  2026-03-01T10:05:00Z  –\n' +
        'c.example  2 in a row: ECONNREFUSED (E_FEDERATION_UNREACHABLE)\n',
    );
    expect((await run('ls', '-o', 'jsonl')).out.trim().split('\n')).toHaveLength(2);
  });

  test('nobody', async () => {
    service.answers.admin = { listFederation: { trustDomain: TD, relationships: [] } };
    expect((await run('ls')).out).toBe('no partners: agents know the SVIDs of this trust domain only\n');
  });
});

describe('add', () => {
  test('sends what was said and nothing that follows from it, and tells what came of it', async () => {
    service.answers.admin = { addFederation: { trustDomain: TD, relationships: [PARTNER] } };
    const { exit, out } = await run('add', 'b.example', ...SPIFFE);
    expect(exit).toBe(0);
    expect(out).toBe(
      'added b.example\n' +
        '  endpoint  https://b.example:8443/bundle  https_spiffe\n' +
        '            spiffe://b.example/mandate/server\n' +
        '  bundle    sequence 18446744073709551615, 2 X.509 and 1 JWT authorities, fetched 2026-03-01T09:00:00Z\n' +
        '  next      2026-03-01T10:05:00Z\n' +
        '  rules     reporter\n',
    );
    const wish = { trustDomain: 'b.example', url: PARTNER.url, profile: 'https_spiffe', endpointId: PARTNER.endpointId, webCa: null };
    expect(service.asked).toEqual([{ verb: 'addFederation', request: { ...wish, bundle: '{"keys":[]}' } }]);
  });

  test('fails where nothing of the partner verifies yet; a bundle that was given will do', async () => {
    const none = { ...PARTNER, state: 'none', since: null, failure: FAILING_PARTNER.failure };
    service.answers.admin = { addFederation: { trustDomain: TD, relationships: [none] } };
    expect(await run('add', 'b.example', ...SPIFFE)).toMatchObject({ exit: 1, out: expect.stringContaining('  why       ECONNREFUSED\n') });
    service.answers.admin = { addFederation: { trustDomain: TD, relationships: [{ ...FAILING_PARTNER, state: 'failing' }] } };
    expect(await run('add', 'b.example', ...SPIFFE)).toMatchObject({
      exit: 0,
      out: expect.stringContaining('  left out  key 3: another use\n'),
    });
  });

  test.each([
    ['without a URL', ['--profile', 'https_web'], 2, '--url'],
    ['without a profile', ['--url', 'https://b.example'], 2, '--profile'],
    ['with a bundle that is too large', [...SPIFFE.slice(0, -1), 'large.json'], 2, 'larger than'],
    ['with a file that is not there', [...SPIFFE.slice(0, -1), 'none.json'], 7, 'ENOENT'],
  ])('FD-20: %s nothing is asked', async (_what, options, exit, said) => {
    expect(await run('add', 'b.example', ...options)).toMatchObject({ exit, err: expect.stringContaining(said) });
    expect(service.asked).toEqual([]);
  });
});

test('refresh: one or all, and fails where one gave nothing', async () => {
  service.answers.admin = {
    refreshFederation: (request) => ({
      ...FEDERATION,
      relationships: 'trustDomain' in (request as object) ? [PARTNER] : FEDERATION.relationships,
    }),
  };
  expect(await run('refresh', 'b.example', '--accept-rollback')).toMatchObject({
    exit: 0,
    out: expect.stringContaining('refreshed b.example\n'),
  });
  expect(await run('refresh')).toMatchObject({ exit: 1, out: expect.stringContaining('E_FEDERATION_UNREACHABLE c.example\n') });
  expect(service.asked.map(({ request }) => request)).toEqual([
    { trustDomain: 'b.example', acceptRollback: true },
    { acceptRollback: false },
  ]);
  expect(await run('refresh', '--accept-rollback')).toMatchObject({ exit: 2, err: expect.stringContaining('name one trust domain') });
});

describe('rm', () => {
  test('says first who loses what, and needs -y where nobody can be asked', async () => {
    service.answers.admin = {
      listFederation: FEDERATION,
      removeFederation: { trustDomain: 'b.example', removed: true, rules: ['reporter'] },
    };
    const unasked = await run('rm', 'b.example');
    expect([unasked.exit, service.asked.map(({ verb }) => verb)]).toEqual([2, ['listFederation']]);
    const { exit, out, err } = await run('rm', 'spiffe://b.example', '-y');
    expect(exit).toBe(0);
    expect(err).toBe('The bundle of b.example is forgotten: agents of rule reporter no longer accept its SVIDs, from now on.\n');
    expect(out).toBe('removed b.example: its bundle is forgotten, and agents were told\n');
    expect(service.asked.at(-1)).toEqual({ verb: 'removeFederation', request: { trustDomain: 'b.example' } });
  });
});
