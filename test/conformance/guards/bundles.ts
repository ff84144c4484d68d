import { guard, type Guard, names } from '../guard';

const WRITER = 'src/domain/bundle.ts';
const READER = 'src/verify/trust-bundle.ts';
const ENTRIES = 'src/verify/bundle-entries.ts';
const MAP = 'src/verify/bundle-map.ts';
const JWK = 'src/verify/jwk.ts';
const POINT = 'src/domain/p256.ts';

const ROOT_ENTRY = "x5c: [der.toString('base64')]";
const TOKEN_ENTRY = "({ use: 'jwt-svid', kid: key.kid,";

/** Readers are held against documents that we wrote: one that cannot be read shows in all of them. */
const READ_BACK = 'TB-01 TB-21 TB-22 TB-23 TB-24 TB-25 TB-26 TB-30 TB-40 TB-42 TB-43';

/** What is published. */
const PUBLISHED: readonly Guard[] = [
  guard('TB-01', 'a bundle without keys has no list of them', WRITER, [
    'keys: [...bundle.x509.map(x509Jwk), ...bundle.jwt.map(jwtJwk)],',
    'keys: bundle.x509.length === 0 ? undefined : [...bundle.x509.map(x509Jwk), ...bundle.jwt.map(jwtJwk)],',
  ]),
  guard('TB-02', 'a changed bundle keeps its number', 'src/authority/authorities.ts', [
    'await store.sequence(true)',
    'await store.sequence(before === undefined)',
  ]),
  guard('TB-03', 'no hint is given', WRITER, ['    spiffe_refresh_hint: bundle.refreshHintSeconds,\n', ''], 'TB-01 TB-14 TB-40'),
  guard('TB-04', 'a root has another use', WRITER, ["use: 'x509-svid'", "use: 'X509-SVID'"], READ_BACK),
  guard('TB-05', 'a root has a kid', WRITER, [ROOT_ENTRY, `kid: 'root', ${ROOT_ENTRY}`], 'TB-09'),
  guard('TB-05', 'a root comes with another certificate', WRITER, [ROOT_ENTRY, "x5c: [der.toString('base64'), der.toString('base64')]"]),
  guard('TB-06', 'the key beside a certificate is another one', WRITER, [
    `...p256Coordinates(point), ${ROOT_ENTRY}`,
    `...p256Coordinates(Buffer.concat([point.subarray(0, 1), point.subarray(33), point.subarray(1, 33)])), ${ROOT_ENTRY}`,
  ]),
  guard(
    'TB-07',
    'all keys of tokens have one kid',
    WRITER,
    ['{ keys: bundle.jwt.map(jwtJwk) }', '{ keys: bundle.jwt.map((key) => jwtJwk({ ...key, kid: bundle.jwt[0]!.kid })) }'],
    'TB-01 TB-04 TB-11 JV-08',
  ),
  guard('TB-08', 'a published secret is ignored', ENTRIES, ["  if (showsSecret(entry)) return 'a key whose secret is published';\n", '']),
  guard('TB-09', 'keys of tokens say more than they have to', WRITER, [TOKEN_ENTRY, `${TOKEN_ENTRY} alg: 'ES256',`]),
  guard('TB-10', 'coordinates are written without leading zeros', POINT, [
    "  x: point.toString('base64url', 1, 33),\n",
    "  x: point.subarray(point.findIndex((octet, at) => at > 0 && octet !== 0), 33).toString('base64url'),\n",
  ]),
  guard('TB-10', 'coordinates that begin with zeros are refused', JWK, [
    'coordinate.length === curve?.octets ?',
    'coordinate.length === curve?.octets && coordinate[0] !== 0 ?',
  ]),
  guard('TB-11', 'kid is no thumbprint', POINT, ['{"crv":"P-256","kty":"EC",', '{"kty":"EC","crv":"P-256",']),
  guard(
    'TB-12',
    'another key of tokens has a type that nobody knows',
    WRITER,
    ['{ keys: bundle.jwt.map(jwtJwk) }', "{ keys: bundle.jwt.map((key, at) => (at > 0 ? { ...jwtJwk(key), kty: 'AKP' } : jwtJwk(key))) }"],
    'TB-01 TB-04 JV-08',
  ),
  guard('TB-13', 'a database of another trust domain is taken', 'src/entry/run-server.ts', [
    ' || found.trustDomain !== wanted.trustDomain) {',
    ') {',
  ]),
  guard(
    'TB-14',
    'equal content is written in changing order',
    WRITER,
    [
      'keys: [...bundle.x509.map(x509Jwk), ...bundle.jwt.map(jwtJwk)],',
      'keys: [...bundle.x509.map(x509Jwk), ...bundle.jwt.map(jwtJwk)],\n    made: process.hrtime.bigint().toString(),',
    ],
    'TB-01 TB-02 TB-03 TB-04',
  ),
];

/** What is read. */
const READ: readonly Guard[] = [
  {
    without: 'a document without keys is an empty bundle',
    rules: ['TB-20'],
    sharedBy: names('TB-31 TB-43 FD-29 FD-30'),
    patches: [
      {
        file: READER,
        edits: [
          [
            "  if (!Array.isArray(entries)) throw unusable('it has no array of keys');\n  if (entries.length",
            '  if (Array.isArray(entries) && entries.length',
          ],
          ['readEntries(entries as readonly unknown[])', 'readEntries(Array.isArray(entries) ? entries : [])'],
        ],
      },
    ],
  },
  guard('TB-21', 'an entry of an unknown type is taken', ENTRIES, ["  if (!isKnownKeyType(kty)) return 'a kty that is not known';\n", '']),
  guard('TB-21', 'an entry of an unknown type makes the bundle none', ENTRIES, [
    "if (!isKnownKeyType(kty)) return 'a kty that is not known';",
    "if (!isKnownKeyType(kty)) throw new TypeError('a kty that is not known');",
  ]),
  guard('TB-23', 'of several certificates the last counts', ENTRIES, ['x5c[0] : undefined', 'x5c.at(-1) : undefined']),
  guard('TB-24', 'two keys may share a kid', ENTRIES, ['jwtKeys: jwtKeys.filter(({ kid }) => !shared.has(kid))', 'jwtKeys']),
  guard('TB-24', 'a key need not have a kid', ENTRIES, [
    "if (typeof kid !== 'string' || kid === '') return 'no kid';\n  const key = publicKeyOf(entry);\n  return key ? { kid, key }",
    'const key = publicKeyOf(entry);\n  return key ? { kid: String(kid), key }',
  ]),
  guard(
    'TB-24',
    'what is left out is not reported',
    ENTRIES,
    ["if (typeof read === 'string') ignored.push(`key ${i + 1}: ${read}`);", "if (typeof read === 'string') return;"],
    'TB-08 TB-21 TB-22 TB-23',
  ),
  guard('TB-25', 'an empty bundle leaves the keys of before', 'src/service/endpoint-source.ts', [
    '    this.#bundle = fetched;\n',
    '    if (fetched.roots.length > 0) this.#bundle = fetched;\n',
  ]),
  guard('TB-26', 'a member that is not known makes no bundle', READER, [
    '  const members = memberTexts(text);\n',
    "  const members = memberTexts(text);\n  if ([...members.keys()].some((name) => name !== 'keys' && !name.startsWith('spiffe_'))) throw unusable('it has more');\n",
  ]),
  guard(
    'TB-27',
    'a sequence is a number of JavaScript',
    READER,
    ['? BigInt(text) : undefined;', '? BigInt(Number(text)) : undefined;'],
    'TB-29',
  ),
  guard(
    'TB-28',
    'a sequence that is none counts as absent',
    READER,
    [
      "if (sequence === undefined || sequence > MAX_SEQUENCE) throw unusable('its sequence is not an integer of 64 bits');",
      'if (sequence === undefined || sequence > MAX_SEQUENCE) return undefined;',
    ],
    'FD-29 FD-30',
  ),
  guard('TB-28', 'any number is a hint', READER, ['/^[1-9][0-9]*$/.test(text) ?', '!Number.isNaN(Number(text)) ?']),
  guard('TB-29', 'an older bundle replaces a newer one', READER, ['next.sequence < held.sequence;', 'next.sequence < 0n;']),
  guard('TB-30', 'bundles of two trust domains are one', READER, ['return domains.size === 1 ? only : undefined;', 'return only;']),
  guard('TB-31', 'a bundle may have any number of keys', READER, ['if (entries.length > MAX_BUNDLE_KEYS)', 'if (entries.length < 0)']),
  guard('TB-31', 'a bundle may have any size', READER, [
    "  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');\n  const text = utf8(bytes);\n  if (!text.trimStart().startsWith('{')) return",
    "  const text = utf8(bytes);\n  if (!text.trimStart().startsWith('{')) return",
  ]),
  guard('TB-40', 'a document without trust domains is a map', MAP, [
    "if (!isObject(domains)) throw unusable('it has no object of trust domains');",
    'if (!isObject(domains)) return new Map();',
  ]),
  guard('TB-40', 'a trust domain may go by its SPIFFE ID', MAP, [
    'if (parseTrustDomain(name) === name) return name;',
    'return parseTrustDomain(name);',
  ]),
  guard('TB-42', 'hints within a map are kept', MAP, ['  refreshHintSeconds: undefined,\n', '']),
  guard('TB-43', 'of a map what can be read is taken', MAP, [
    'Object.entries(domains).map(',
    "Object.entries(domains).filter(([, inner]) => isObject(inner) && 'keys' in inner).map(",
  ]),
];

export const BUNDLES: readonly Guard[] = [...PUBLISHED, ...READ];
