import { guard, type Guard } from '../guard';

const SVID = 'src/verify/x509-svid.ts';
const PATH = 'src/verify/certificate-path.ts';
const AUTHORITY = 'src/verify/authority.ts';
const BUNDLE = 'src/verify/trust-bundle.ts';
const ENTRIES = 'src/verify/bundle-entries.ts';
const SIGNATURE = 'src/verify/certificate-signature.ts';

/** A check of the leaf that is left out: the line that refuses. */
const unchecked = (rules: string, without: string, line: string, sharedBy = ''): Guard => guard(rules, without, SVID, [line, ''], sharedBy);

/** X509-SVIDs of whoever shows them. */
export const CHAINS: readonly Guard[] = [
  guard(
    'XV-01',
    'the path of a leaf is not looked at',
    SVID,
    ['if (fault !== undefined)', "if (fault === '')"],
    'XV-06 XV-07 XV-08 XV-20 XV-21 XV-24 XV-33 XV-34 XV-35 XV-36 XV-37 XV-38 XV-39 XV-40 XV-42 TB-25',
  ),
  unchecked(
    'XV-02 XV-26',
    'a leaf may be an authority',
    "  if (basicConstraintsOf(leaf)?.ca) throw refused('a leaf marked as an authority');\n",
  ),
  guard('XV-02 XV-27', 'the key of a leaf may sign certificates', SVID, [
    '(KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)',
    'KEY_USAGE.crlSign',
  ]),
  guard('XV-02 XV-28', 'the key of a leaf may sign revocation lists', SVID, [
    '(KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)',
    'KEY_USAGE.keyCertSign',
  ]),
  unchecked(
    'XV-03 XV-32',
    'a leaf may have the ID of a trust domain',
    "  if (id.path === '') throw refused('the SPIFFE ID of a trust domain, not of a workload');\n",
    'XV-01',
  ),
  guard('XV-03 XV-31 XV-41', 'a URI that is no SPIFFE ID is taken for one', SVID, [
    "    throw refused('a URI name that is not a SPIFFE ID', error);\n",
    "    if (error === undefined) throw refused('a URI name that is not a SPIFFE ID', error);\n    return parseSpiffeId('spiffe://example.org/any');\n",
  ]),
  guard('XV-04 XV-30', 'of several URIs the first counts', SVID, ['if (uris.length !== 1)', 'if (uris.length < 1)']),
  {
    without: 'a leaf without a URI is anybody',
    rules: ['XV-05', 'XV-29'],
    patches: [
      {
        file: SVID,
        edits: [
          ['if (uris.length !== 1)', 'if (uris.length > 1)'],
          ['spiffeIdOf(uris[0] as string)', "spiffeIdOf(uris[0] ?? 'spiffe://example.org/any')"],
        ],
      },
    ],
  },
  guard(
    'XV-06 XV-34 JV-07',
    'a bundle answers for every trust domain',
    BUNDLE,
    ['return bundle?.trustDomain === trustDomain ? bundle : undefined;', 'return bundle;'],
    'XV-08 XV-36 JV-16 JV-17 TB-25',
  ),
  guard(
    'XV-06 XV-33',
    'the first bundle is asked, whoever it belongs to',
    BUNDLE,
    [
      "const bundle = 'issuers' in bundles ? bundles : bundles.get(trustDomain);\n  return bundle?.trustDomain === trustDomain ? bundle : undefined;",
      "return 'issuers' in bundles ? bundles : [...bundles.values()][0];",
    ],
    'XV-34 JV-07 JV-16 JV-17 TB-25',
  ),
  guard(
    'XV-07 XV-35',
    'keys of tokens are roots as well',
    ENTRIES,
    ["if (use === 'x509-svid') return readX5c(x5c);", 'if (x5c !== undefined) return readX5c(x5c);'],
    'TB-23',
  ),
  guard(
    'XV-08 XV-36',
    'with an empty bundle nothing is refused',
    SVID,
    ['if (fault !== undefined)', 'if (fault !== undefined && bundle.roots.length > 0)'],
    'XV-01 XV-07 XV-35 XV-37 WL-33',
  ),
  unchecked(
    'XV-09 XV-25',
    'the key of a leaf need not sign',
    "  if ((usage & KEY_USAGE.digitalSignature) === 0) throw refused('a leaf whose key may not sign');\n",
  ),
  guard(
    'XV-10 XV-22',
    'other names beside the URI are refused',
    'src/domain/certificate.ts',
    ['[0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88]', '[0x86]'],
    'XV-05 XV-29',
  ),
  guard('XV-20', 'of roots of one name the first counts', 'src/verify/roots.ts', [
    'if (namesakes) namesakes.push(authority);',
    'if (namesakes) continue;',
  ]),
  guard(
    'XV-21',
    'intermediates are not looked at',
    PATH,
    ['for (const candidate of this.sent) {', 'for (const candidate of this.sent.slice(0, 0)) {'],
    'XV-01 XV-37 XV-38 XV-39 XV-40 XV-42 XV-24',
  ),
  guard(
    'XV-24',
    'what is not valid yet is taken',
    PATH,
    ['if (!(nowMs >= certificate.notBeforeMs))', 'if (Number.isNaN(nowMs))'],
    'XV-01 XV-20',
  ),
  guard(
    'XV-24',
    'what has expired is taken',
    PATH,
    ['return nowMs <= certificate.notAfterMs ? undefined', 'return nowMs > 0 ? undefined'],
    'XV-01 XV-20',
  ),
  guard(
    'XV-37 XV-38',
    'whoever signed is an authority',
    AUTHORITY,
    ["if (!basic?.ca) return 'is not an authority';\n", ''],
    'XV-01 TB-23 TB-24',
  ),
  guard(
    'XV-37',
    'an authority need not be one that signs',
    AUTHORITY,
    ['KEY_USAGE.keyCertSign) === 0) return', 'KEY_USAGE.keyCertSign) < 0) return'],
    'XV-01',
  ),
  guard('XV-37', 'a path may have any length', PATH, ['room-- === 0)', 'room-- < -99)'], 'XV-01'),
  guard(
    'XV-39',
    'critical extensions are skipped',
    AUTHORITY,
    ['critical && !UNDERSTOOD.has(oid)', "critical && oid === ''"],
    'XV-01 XV-37',
  ),
  guard(
    'XV-40',
    'constraints of names are not kept',
    PATH,
    ['if (constraints && !below.every(', 'if (constraints && below.length === 0 && !below.every('],
    'XV-01',
  ),
  guard('XV-40', 'constraints that are not understood are skipped', AUTHORITY, ["if (constraints === 'unreadable' || ", 'if (']),
  guard(
    'XV-42',
    'signatures are not verified',
    SIGNATURE,
    ['verify(algorithm.digest, child.tbs, key, child.signature)', 'key !== undefined'],
    'XV-01 XV-06 XV-20 XV-33',
  ),
  guard('XV-42', 'SHA-1 is as good as SHA-256', SIGNATURE, [
    "  '300d06092a864886f70d01010d0500': { key: 'rsa', digest: 'sha512' },\n",
    "  '300d06092a864886f70d01010d0500': { key: 'rsa', digest: 'sha512' },\n  '300d06092a864886f70d0101050500': { key: 'rsa', digest: 'sha1' },\n",
  ]),
  guard('XV-43', 'what follows the leaf is not looked at', SVID, [
    'while (!reader.done) {',
    'while (!reader.done && reader.peek() === TAG.sequence) {',
  ]),
];
