import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { WebConfig } from '../../src/domain/config-publication';
import type { Clock, Log } from '../../src/domain/ports';
import { plain } from '../../src/server/documents';
import { assureWebCertificate } from '../../src/server/web-certificate';
import { WebEndpoint } from '../../src/server/web-endpoint';
import { readTlsFiles } from '../../src/system/tls-files';
import { DAY_MS } from '../authority/fixture';
import { WebAuthority, type WebPair } from './web-authority';

const asRoot = process.getuid!() === 0;
const NAME = 'id.acme.example';
let authority: WebAuthority;
let good: WebPair;
let other: WebPair;
beforeAll(async () => {
  authority = await WebAuthority.make();
  good = await authority.pair([NAME]);
  other = await authority.pair([NAME]);
});

let folder: string;
let web: WebConfig;
let nowMs: number;
let said: string[];
let endpoint: WebEndpoint | undefined;
const clock = { nowMs: () => nowMs } as Clock;
const log = {
  error: (fields: { why?: string }) => said.push(fields.why ?? ''),
  info: () => said.push('served'),
} as unknown as Log;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'web-'));
  web = { address: '127.0.0.1', port: 0, name: NAME, certificate: `${folder}/chain.pem`, key: `${folder}/key.pem` };
  nowMs = Date.now();
  said = [];
});
afterEach(async () => {
  await endpoint?.close();
  endpoint = undefined;
  rmSync(folder, { recursive: true });
});

/** As tools do that renew: a new file takes the name of the old one. */
function put(file: string, text: string, mode = 0o600): void {
  writeFileSync(`${file}.new`, text, { mode });
  chmodSync(`${file}.new`, mode);
  renameSync(`${file}.new`, file);
}
function putPair(pair: WebPair): void {
  put(web.certificate, pair.certificatePem, 0o644);
  put(web.key, pair.keyPem);
}
const open = async () =>
  (endpoint = await WebEndpoint.open({ web, readFiles: readTlsFiles, answer: (_, response) => plain(response, 200, ''), clock, log }));

/** The certificate that a new caller is shown. */
const shown = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: endpoint!.port!, servername: NAME, ca: authority.pem }, () => {
      resolve(socket.getPeerX509Certificate()!.fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
const print = ({ certificatePem }: WebPair): string => new X509Certificate(certificatePem).fingerprint256;

test('FD-07: a certificate that was renewed in its files is shown without a restart', async () => {
  putPair(good);
  await open();
  expect([await shown(), endpoint!.fault]).toEqual([print(good), undefined]);
  putPair(other);
  expect(await shown()).toBe(print(good));
  await endpoint!.look();
  expect([await shown(), endpoint!.fault]).toEqual([print(other), undefined]);
  await endpoint!.look();
  expect(said).toEqual(['served', 'served']);
});

test('FD-07: between the two writes of a renewal the old pair is shown, and it is said once', async () => {
  putPair(good);
  await open();
  put(web.certificate, other.certificatePem, 0o644);
  await endpoint!.look();
  await endpoint!.look();
  expect(await shown()).toBe(print(good));
  expect(endpoint!.fault).toMatchObject({ code: 'E_WEB_CERTIFICATE', explanation: { why: 'the key belongs to another certificate' } });
  expect(said).toEqual(['served', 'the key belongs to another certificate']);
  put(web.key, other.keyPem);
  await endpoint!.look();
  expect([await shown(), endpoint!.fault]).toEqual([print(other), undefined]);
});

test('without a pair the endpoint is closed, and opens when there is one', async () => {
  await open();
  expect([endpoint!.port, endpoint!.notAfterMs, endpoint!.fault?.code]).toEqual([undefined, undefined, 'E_WEB_CERTIFICATE']);
  putPair(good);
  await endpoint!.look();
  expect([await shown(), endpoint!.fault]).toEqual([print(good), undefined]);
  expect(endpoint!.notAfterMs).toBe(Date.parse(new X509Certificate(good.certificatePem).validTo));
});

test('a served certificate that has ended is told of', async () => {
  putPair(good);
  await open();
  nowMs += 2 * DAY_MS;
  await endpoint!.look();
  expect(endpoint!.fault?.explanation.why).toMatch(/^it ended at/);
});

test('a port that is taken is told of, and tried again', async () => {
  putPair(good);
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
  web = { ...web, port: (occupant.address() as { port: number }).port };
  await open();
  expect(endpoint!.fault?.code).toBe('E_PORT_IN_USE');
  await new Promise((resolve) => occupant.close(resolve));
  await endpoint!.look();
  expect(await shown()).toBe(print(good));
});

describe('a pair is judged before it is shown', () => {
  const judged =
    (pair: WebPair, name = NAME) =>
    () =>
      assureWebCertificate(pair, name, Date.now());
  const refused = (why: RegExp) =>
    expect.objectContaining({ code: 'E_WEB_CERTIFICATE', explanation: expect.objectContaining({ why: expect.stringMatching(why) }) });

  test('FD-07: it carries the name, in DNS, by a wildcard, or as an address', async () => {
    expect(judged(good)).not.toThrow();
    expect(judged(good, '127.0.0.1')).not.toThrow();
    expect(judged(await authority.pair(['*.acme.example']))).not.toThrow();
    expect(judged(good, 'other.acme.example')).toThrow(refused(/does not carry other\.acme\.example/));
    expect(judged(good, '192.0.2.1')).toThrow(refused(/does not carry/));
  });

  test('it is valid now', async () => {
    expect(judged(await authority.pair([NAME], -DAY_MS))).toThrow(refused(/^it ended at/));
    expect(() => assureWebCertificate(good, NAME, Date.now() - 3 * DAY_MS)).toThrow(refused(/^it begins at/));
  });

  test('certificate and key are what they are called, and belong together', () => {
    expect(judged({ ...good, keyPem: other.keyPem })).toThrow(refused(/another certificate/));
    expect(judged({ ...good, keyPem: good.certificatePem })).toThrow(refused(/key is not PEM/));
    expect(judged({ ...good, certificatePem: 'x' })).toThrow(refused(/certificate is not PEM/));
    const sealed = createPrivateKey(good.keyPem)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString();
    expect(judged({ ...good, keyPem: sealed })).toThrow(refused(/encrypted/));
  });
});

describe('files', () => {
  const read = () => readTlsFiles(web);
  const refused = (why: RegExp) =>
    expect.objectContaining({ code: 'E_WEB_CERTIFICATE', explanation: expect.objectContaining({ why: expect.stringMatching(why) }) });

  test('are followed through links, and every change is another version', () => {
    putPair(good);
    renameSync(web.key, `${folder}/archived.pem`);
    symlinkSync('archived.pem', web.key);
    const first = read();
    expect(first).toMatchObject(good);
    expect(read().version).toBe(first.version);
    put(`${folder}/archived.pem`, good.keyPem);
    expect(read().version).not.toBe(first.version);
  });

  test.each([
    [0o644, /others can read it/],
    [0o640, asRoot ? undefined : /its group can read it/],
    [0o620, /others can change it/],
    [0o602, /others can change it/],
    [0o400, undefined],
  ])('a key of mode %o', (mode, why) => {
    putPair(good);
    chmodSync(web.key, mode);
    if (why) expect(read).toThrow(refused(why));
    else expect(read).not.toThrow();
  });

  test('a certificate that others can change', () => {
    putPair(good);
    chmodSync(web.certificate, 0o664);
    expect(read).toThrow(refused(/others can change it/));
  });

  test('a file that is missing, a folder, or too large', () => {
    expect(read).toThrow(refused(/ENOENT/));
    putPair(good);
    put(web.certificate, 'x'.repeat(300_000), 0o644);
    expect(read).toThrow(refused(/300000 bytes/));
    unlinkSync(web.certificate);
    web = { ...web, certificate: folder };
    expect(read).toThrow(refused(/no regular file/));
  });

  (asRoot ? test : test.skip)('a key of somebody else, or of root with another group that reads it', () => {
    putPair(good);
    chownSync(web.key, 12_345, 0);
    expect(read).toThrow(refused(/belongs to uid 12345/));
    chownSync(web.key, 0, 12_345);
    chmodSync(web.key, 0o640);
    expect(read).toThrow(refused(/its group can read/));
  });
});
