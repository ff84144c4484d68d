import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mandate } from './command-line';
import { FakeService } from './fake-service';
import { AGENT_ID, SERIAL } from './samples';
import { schemaOf } from './schema';

let service: FakeService;
let der: Buffer;
beforeAll(async () => {
  service = await FakeService.start();
  der = certificate();
});
beforeEach(() => {
  service.answers = {};
  service.asked.length = 0;
});
afterAll(() => service.stop());

/** A certificate whose serial number starts with zero bits: its length must not depend on them. */
const LOW_SERIAL = `000f${SERIAL.slice(4)}`;
function certificate(): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'mandate-cert-'));
  try {
    const out = path.join(folder, 'c.der');
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path.join(folder, 'k')];
    execFileSync(
      'openssl',
      ['req', '-x509', ...key, '-subj', '/CN=x', '-days', '1', '-set_serial', `0x${LOW_SERIAL}`, '-outform', 'DER', '-out', out],
      {
        stdio: 'pipe',
      },
    );
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const TOKEN = ['{"alg":"ES256"}', JSON.stringify({ sub: AGENT_ID, aud: ['https://a'], exp: 1772359472, jti: SERIAL }), 'sig']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

const endpoint = () => ({ env: { SPIFFE_ENDPOINT_SOCKET: `unix://${service.socket}` } });
const own = (argv: readonly string[]) => mandate(argv, endpoint());
const x509 = () => ({ svids: [{ spiffeId: AGENT_ID, x509Svid: Buffer.concat([der, der]), hint: 'internal' }] });

describe('svid', () => {
  test('shows what the certificate says, serials always 32 digits', async () => {
    service.answers.x509 = x509();
    const { exit, out, err } = await own(['svid', '-o', 'json']);
    expect([exit, err]).toEqual([0, '']);
    const answer = JSON.parse(out) as { svids: { notBefore: string; notAfter: string }[] };
    expect(schemaOf('svid')(answer)).toBe(true);
    expect(answer.svids).toMatchObject([{ spiffeId: AGENT_ID, serial: LOW_SERIAL, hint: 'internal' }]);
    expect(Date.parse(answer.svids[0]?.notAfter ?? '') - Date.parse(answer.svids[0]?.notBefore ?? '')).toBe(86_400_000);
  });

  test('as text', async () => {
    service.answers.x509 = x509();
    const { out } = await own(['svid']);
    expect(out).toMatch(new RegExp(`^${AGENT_ID}\n  serial  ${LOW_SERIAL}\n  valid   until 20.*Z\n  hint    internal\n$`));
  });

  test('--jwt prints the bare token, and nothing else', async () => {
    service.answers.jwt = {
      svids: [
        { spiffeId: AGENT_ID, svid: TOKEN },
        { spiffeId: `${AGENT_ID}/2`, svid: 'x.y.z' },
      ],
    };
    expect(await own(['svid', '--jwt', '--audience', 'https://a', '--audience', 'https://b'])).toEqual({
      exit: 0,
      out: `${TOKEN}\n`,
      err: '',
    });
    expect(service.asked).toMatchObject([{ verb: 'jwt', request: { audience: ['https://a', 'https://b'] } }]);
  });

  test('--jwt -o json says what is in it', async () => {
    service.answers.jwt = { svids: [{ spiffeId: AGENT_ID, svid: TOKEN }] };
    const answer: unknown = JSON.parse((await own(['svid', '--jwt', '--audience', 'https://a', '-o', 'json'])).out);
    expect(schemaOf('jwt-svid')(answer)).toBe(true);
    expect(answer).toEqual({
      svids: [{ spiffeId: AGENT_ID, serial: SERIAL, audience: ['https://a'], notAfter: '2026-03-01T10:04:32Z', hint: '', token: TOKEN }],
    });
  });

  test('a refusal exits 3 with the closest rule', async () => {
    service.answers.x509 = {
      fails: {
        code: 'E_NO_RULE',
        rule: 'reporter',
        ruleVersion: 4,
        request: '01JD90QX00',
        conditions: [{ selector: 'user.uid', holds: false, seen: '1000' }],
      },
    };
    const { exit, err } = await own(['svid']);
    expect(exit).toBe(3);
    expect(err).toContain('refused: no identity for this process (E_NO_RULE)\n');
    expect(err).toContain('closest is rule "reporter" v4: 0 of 1 conditions hold');
    expect(err).toContain('✗ user.uid');
    const json = JSON.parse((await own(['svid', '-o', 'json'])).out) as object;
    expect(schemaOf('error')(json)).toBe(true);
    expect(json).toMatchObject({ error: { code: 'E_NO_RULE', rule: 'reporter', ruleVersion: 4, request: '01JD90QX00' } });
  });

  test('a foreign issuer that says only PermissionDenied is a refusal too', async () => {
    service.answers.x509 = { fails: { code: 'E_NO_RULE' }, bare: 7 };
    expect((await own(['svid'])).exit).toBe(3);
  });

  test('--wait is served by the first identity that comes', async () => {
    service.answers.standings = [
      { refusal: { code: 'E_NO_RULE', message: 'no identity for this process' } },
      { identities: [{ spiffeId: AGENT_ID, rule: 'r', jwt: false }] },
    ];
    service.answers.x509 = x509();
    const { exit, out, err } = await own(['svid', '--wait', '60']);
    expect(exit).toBe(0);
    expect(out).toContain(LOW_SERIAL);
    expect(err).toBe('waiting: no identity for this process (E_NO_RULE)\n');
    expect(service.asked.map(({ verb }) => verb)).toEqual(['standings', 'x509']);
  });

  test('--wait for a JWT-SVID passes over identities without one, and times out saying what was missing', async () => {
    service.answers.standings = [
      {
        identities: [{ spiffeId: AGENT_ID, rule: 'r', jwt: false }],
        refusal: { code: 'E_NO_AUDIENCES', message: 'no audiences', request: '01JD90QX00' },
      },
    ];
    const { exit, err } = await own(['svid', '--jwt', '--audience', 'a', '--wait', '1']);
    expect(exit).toBe(8);
    expect(err).toContain(
      '  saw   no identity within 1 seconds\n  why   no audiences (E_NO_AUDIENCES)\n  fix   ask your administrator, with request 01JD90QX00\n',
    );
  });

  test('--wait where nothing runs does not wait', async () => {
    const { exit, err } = await mandate(['svid', '--wait'], { env: { SPIFFE_ENDPOINT_SOCKET: 'unix:///nonexistent/agent.sock' } });
    expect(exit).toBe(5);
    expect(err).toContain('no socket at /nonexistent/agent.sock');
  });
});

describe('where the Workload API is', () => {
  test.each([
    'tcp://127.0.0.1:1',
    'http://x',
    'unix://relative',
    '/plain/path',
    'unix:///a?b',
    'unix:///a#b',
    'unix:///%zz',
    'unix:///a%00b',
  ])('%s is refused before anything is opened', async (uri) => {
    const { exit, err } = await mandate(['svid'], { env: { SPIFFE_ENDPOINT_SOCKET: uri } });
    expect(exit).toBe(2);
    expect(err).toContain('(E_CONFIG)');
  });

  test('a path that the kernel would cut is refused', async () => {
    const { exit, err } = await mandate(['svid'], { env: { SPIFFE_ENDPOINT_SOCKET: `unix:///${'a'.repeat(101)}` } });
    expect(exit).toBe(1);
    expect(err).toContain('(E_SOCKET_PATH)');
  });

  test.each([
    ['unix:/path', (socket: string) => `unix:${socket}`],
    ['unix:///path', (socket: string) => `unix://${socket}`],
    ['percent-encoded', (socket: string) => `unix://${socket.replace('service', '%73ervice')}`],
  ])('%s is understood', async (_form, uri) => {
    service.answers.x509 = x509();
    expect((await mandate(['svid'], { env: { SPIFFE_ENDPOINT_SOCKET: uri(service.socket) } })).exit).toBe(0);
  });

  test('--state wins over SPIFFE_ENDPOINT_SOCKET, which wins over MANDATE_STATE', async () => {
    service.answers.x509 = x509();
    const elsewhere = { SPIFFE_ENDPOINT_SOCKET: 'unix:///nonexistent/agent.sock', MANDATE_STATE: '/tmp/x' };
    expect((await mandate(['svid', '--state', '/tmp/x'], { socket: service.socket, env: elsewhere })).exit).toBe(0);
    expect((await mandate(['svid'], { socket: service.socket, env: elsewhere })).exit).toBe(5);
    expect((await mandate(['svid'], { socket: service.socket, env: { MANDATE_STATE: '/tmp/x' } })).exit).toBe(0);
  });
});
