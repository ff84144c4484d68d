import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { parse } from 'yaml';
import { CONFIG_KEYS, DEFAULT_CONFIG, defaultConfig, parseConfig } from '../../src/domain/config';
import { MandateError } from '../../src/domain/errors';
import { type SignerAddress, signerAddress } from '../../src/domain/signer-address';

const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/mandate.schema.json'), 'utf8'));
const valid = new Ajv2020({ strict: true }).compile(schema);

const value = (at: number, text: string) => parseConfig('mandate.yaml', text).values[at];

test.each([
  ['', false, null],
  ['# nothing yet\n', false, null],
  ['admin: {}\n', false, null],
  ['admin: { allow_scripted: false }\n', false, 1],
  ['# scripts of ours\nadmin:\n  allow_scripted: true\n', true, 3],
])('%j', (text, allowScripted, line) => {
  const { config } = parseConfig('mandate.yaml', text);
  expect(config).toEqual({ ...DEFAULT_CONFIG, admin: { allowScripted } });
  expect(value(0, text)).toEqual({ key: 'admin.allow_scripted', value: allowScripted, line });
  expect(Object.isFrozen(config) && Object.isFrozen(config.admin)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test.each<[string, Readonly<Record<string, readonly [string, number]>>]>([
  ['admin: {}\nauthorities: { x509: {} }\n', {}],
  [
    'bundle:\n  refresh_hint: 5\nauthorities:\n  x509: { lifetime: 60s }\n',
    { 'bundle.refresh_hint': ['5s', 2], 'authorities.x509.lifetime': ['1m', 4] },
  ],
  [
    'authorities:\n  propagation: 1h\n  jwt: { lifetime: 2d }',
    { 'authorities.propagation': ['1h', 2], 'authorities.jwt.lifetime': ['2d', 3] },
  ],
])('%j', (text, said) => {
  const { config, values } = parseConfig('mandate.yaml', text);
  const found = values.filter(({ line }) => line !== null).map(({ key, value: told, line }) => [key, [told, line]]);
  expect(Object.fromEntries(found)).toEqual(said);
  expect([config.authorities, config.authorities.lifetimeSeconds].every(Object.isFrozen)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test('authorities are configured in seconds', () => {
  const text = 'authorities: { x509: { lifetime: 1m }, jwt: { lifetime: 90 }, propagation: 7s }\nbundle: { refresh_hint: 5s }';
  const expected = { lifetimeSeconds: { x509: 60, jwt: 90 }, propagationSeconds: 7, refreshHintSeconds: 5 };
  expect(parseConfig('mandate.yaml', text).config.authorities).toEqual(expected);
});

test.each([
  ['', 'found', null],
  ['keys: {}\n', 'found', null],
  ['keys: { home: sealed }\nadmin: { allow_scripted: true }\n', 'sealed', 1],
  ['admin: { allow_scripted: true }\n\nkeys:\n  home: credential\n', 'credential', 4],
])('%j', (text, home, line) => {
  const { config } = parseConfig('mandate.yaml', text);
  expect(config.keys).toEqual({ home, remote: null });
  expect(value(1, text)).toEqual({ key: 'keys.home', value: home, line });
  expect(Object.isFrozen(config.keys)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test.each([
  ['admin: { allow_script: true }', '1:10', 'unknown key admin.allow_script; did you mean allow_scripted?'],
  ['admin:\n  allow_scripted: true\n  allow_scripted: false', '3:3', 'the key allow_scripted appears twice'],
  ['limits: {}', '1:1', 'unknown key limits; known are admin, keys, authorities, bundle, publish, web, oidc'],
  ['keys: { home: elsewhere }', '1:15', 'keys.home is found or plain or sealed or credential or remote'],
  ['keys: { home: remote }', '1:15', 'keys.home: remote and keys.remote go together'],
  ['keys: { remote: { address: "unix:/s" } }', '1:17', 'keys.home: remote and keys.remote go together'],
  ['keys: { home: remote, remote: {} }', '1:31', 'keys.remote.address is missing'],
  ['keys: { home: remote, remote: { address: "unix:/s", token_file: t } }', '1:65', 'keys.remote.token_file is an absolute path'],
  ['keys: { home: remote, remote: { address: "unix:/s", ca: /ca } }', '1:42', 'certificates are for an https address'],
  ['keys: { home: remote, remote: { address: "https://s" } }', '1:42', 'a signer that others can reach too needs keys.remote.token_file'],
  ['keys: { home: remote, remote: { address: "http://127.0.0.1:8700" } }', '1:42', 'a signer that others can reach too needs'],
  [
    'keys: { home: remote, remote: { address: "https://s", certificate: /c } }',
    '1:42',
    'keys.remote.certificate and keys.remote.key go together',
  ],
  ['keys: { home: true }', '1:15', 'keys.home is a text'],
  ['keys: { home: seal }', '1:15', 'did you mean sealed?'],
  ['admin: { allow_scripted: "yes" }', '1:26', 'admin.allow_scripted is true or false'],
  ['admin: true', '1:8', 'admin is a map of keys and values'],
  ['authorities: { x509: { lifetime: 29s } }', '1:34', 'authorities.x509.lifetime is a duration from 30s to 365d'],
  ['authorities: { jwt: { lifetime: 366d } }', '1:33', 'authorities.jwt.lifetime is a duration from 30s to 365d'],
  ['authorities: { propagation: soon }', '1:29', 'authorities.propagation is a duration from 1s to 1d'],
  ['bundle: { refresh_hint: 0 }', '1:25', 'bundle.refresh_hint is a duration from 1s to 1h'],
  ['- admin', '1:1', 'a configuration is a map of keys and values'],
  ['admin: &a {}', '1:8', 'anchors are not allowed'],
  ['admin: {}\n---\nadmin: { allow_scripted: true }', '3:1', 'a configuration is one document'],
])('%j is refused at its place', (text, at, why) => {
  const refused = () => parseConfig('mandate.yaml', text);
  expect(refused).toThrow(MandateError);
  try {
    refused();
  } catch (error) {
    expect(error).toMatchObject({
      code: 'E_CONFIG',
      explanation: { saw: expect.stringMatching(new RegExp(`mandate\\.yaml:${at}: .*${why.replaceAll('?', '\\?')}`)) },
    });
  }
  if (!/twice|anchors|one document|from 30s|for an https address|others can reach|certificate and keys/.test(why))
    expect(valid(parse(text))).toBe(false);
});

test('the schema knows exactly the keys', () => {
  expect(leaves(schema)).toEqual([...CONFIG_KEYS]);
  const { config, values } = defaultConfig();
  expect(config).toEqual(DEFAULT_CONFIG);
  expect(values.map(({ key }) => key)).toEqual([...CONFIG_KEYS]);
  expect(values.filter(({ value }) => value !== null && value !== false)).toEqual([
    { key: 'keys.home', value: 'found', line: null },
    { key: 'authorities.x509.lifetime', value: '14d', line: null },
    { key: 'authorities.jwt.lifetime', value: '14d', line: null },
    { key: 'authorities.propagation', value: '5m', line: null },
    { key: 'bundle.refresh_hint', value: '1m', line: null },
    { key: 'publish.address', value: '127.0.0.1', line: null },
  ]);
});

const WEB = 'port: 8443, name: id.acme.example, certificate: /etc/tls/chain.pem, key: /etc/tls/key.pem';

describe('publication', () => {
  test('every value is read, frozen, and told with its line wherever it stands', () => {
    const text = [
      'oidc: { issuer: https://id.acme.example/agents }',
      'web:',
      '  key: /etc/tls/key.pem',
      '  certificate: /etc/tls/chain.pem',
      '  name: id.acme.example',
      '  port: 8443',
      '  address: "::"',
      'publish: { address: 0.0.0.0 }',
    ].join('\n');
    const { config, values } = parseConfig('mandate.yaml', text);
    expect(config).toEqual({
      admin: { allowScripted: false },
      keys: { home: 'found', remote: null },
      authorities: DEFAULT_CONFIG.authorities,
      publish: { address: '0.0.0.0' },
      web: { address: '::', port: 8443, name: 'id.acme.example', certificate: '/etc/tls/chain.pem', key: '/etc/tls/key.pem' },
      oidc: { issuer: 'https://id.acme.example/agents' },
    });
    expect(Object.values(config).every((group) => Object.isFrozen(group))).toBe(true);
    expect(Object.fromEntries(values.map(({ key, line }) => [key, line]))).toEqual({
      'admin.allow_scripted': null,
      'keys.home': null,
      'keys.remote.address': null,
      'keys.remote.token_file': null,
      'keys.remote.ca': null,
      'keys.remote.certificate': null,
      'keys.remote.key': null,
      'authorities.x509.lifetime': null,
      'authorities.jwt.lifetime': null,
      'authorities.propagation': null,
      'bundle.refresh_hint': null,
      'publish.address': 8,
      'web.address': 7,
      'web.port': 6,
      'web.name': 5,
      'web.certificate': 4,
      'web.key': 3,
      'oidc.issuer': 1,
    });
    expect(valid(parse(text))).toBe(true);
  });

  test.each([
    ['publish: { address: everywhere }', 'publish.address is an IP address'],
    ['publish: { address: id.acme.example }', 'publish.address is an IP address'],
    ['web: {}', 'web.port is missing'],
    [`web: { ${WEB.replace('port: 8443, ', '')} }`, 'web.port is missing'],
    [`web: { ${WEB.replace('8443', '0')} }`, 'web.port is a whole number from 1 to 65535'],
    [`web: { ${WEB.replace('8443', '65536')} }`, 'web.port is a whole number from 1 to 65535'],
    [`web: { ${WEB.replace('/etc/tls/key.pem', 'key.pem')} }`, 'web.key is an absolute path'],
    [`web: { ${WEB.replace('id.acme.example', 'ID.acme.example')} }`, 'web.name is a DNS name in lower case or an IP address'],
    ['oidc: {}', 'oidc.issuer is missing'],
    ['oidc: { issuer: http://id.acme.example }', 'oidc.issuer is a URL such as'],
  ])('%j is refused', (text, why) => {
    expect(() => parseConfig('mandate.yaml', text)).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', explanation: expect.objectContaining({ saw: expect.stringContaining(why) }) }),
    );
    // What an IP address is, and that a name looks like one of DNS, is more than the schema says.
    if (!/example }$/.test(text) || text.startsWith('oidc')) expect(valid(parse(text))).toBe(false);
  });
});

interface Described {
  readonly properties?: Readonly<Record<string, Described>>;
}

const leaves = ({ properties = {} }: Described): string[] =>
  Object.entries(properties).flatMap(([key, below]) => (below.properties ? leaves(below).map((leaf) => `${key}.${leaf}`) : [key]));

describe('a remote signer', () => {
  const text =
    'keys:\n  home: remote\n  remote:\n    address: https://kms.example.org:8443/mandate\n    token_file: /etc/mandate/token\n    ca: /etc/mandate/ca.pem\n';

  test('is an address and files', () => {
    const { config, values } = parseConfig('mandate.yaml', text);
    const remote = {
      address: 'https://kms.example.org:8443/mandate',
      tokenFile: '/etc/mandate/token',
      ca: '/etc/mandate/ca.pem',
      certificate: null,
      key: null,
    };
    expect(config.keys).toEqual({ home: 'remote', remote });
    expect(Object.isFrozen(config.keys.remote)).toBe(true);
    expect(values.find(({ key }) => key === 'keys.remote.token_file')).toEqual({
      key: 'keys.remote.token_file',
      value: '/etc/mandate/token',
      line: 5,
    });
    expect(valid(parse(text))).toBe(true);
  });

  test.each([
    { home: 'remote' },
    { remote: { address: 'unix:/s' } },
    { home: 'sealed', remote: { address: 'unix:/s' } },
    { home: 'remote', remote: {} },
  ])('the schema does not take %j either', (keys) => expect(valid({ keys })).toBe(false));

  test.each<[string, SignerAddress | undefined]>([
    ['unix:/run/signer/signer.sock', { over: 'socket', path: '/run/signer/signer.sock', base: '' }],
    ['https://kms.example.org', { over: 'https', host: 'kms.example.org', port: 443, base: '' }],
    ['https://kms.example.org:8443/a/b', { over: 'https', host: 'kms.example.org', port: 8443, base: '/a/b' }],
    ['https://[2001:db8::1]:1', { over: 'https', host: '2001:db8::1', port: 1, base: '' }],
    ['http://127.0.0.1:8700', { over: 'http', host: '127.0.0.1', port: 8700, base: '' }],
    ['http://[::1]:8700', { over: 'http', host: '::1', port: 8700, base: '' }],
    ['http://localhost:8700', undefined],
    ['http://127.0.0.2:8700', undefined],
    ['http://127.0.0.1.example.org', undefined],
    ['http://127.0.0.1@example.org', undefined],
    ['https://user@example.org', undefined],
    ['https://example.org/', undefined],
    ['https://example.org/a/../b', undefined],
    ['https://example.org?a=b', undefined],
    ['https://example.org#a', undefined],
    ['https://example.org:65536', undefined],
    ['https://EXAMPLE.org', undefined],
    ['unix:relative.sock', undefined],
    [`unix:/${'a'.repeat(107)}`, undefined],
    ['unix:///run/x', { over: 'socket', path: '/run/x', base: '' }],
    ['unix:////run/x', undefined],
    ['/run/signer.sock', undefined],
    ['ftp://example.org', undefined],
  ])('%s', (address, expected) => expect(signerAddress(address)).toEqual(expected));
});
