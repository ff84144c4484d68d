import { guard, type Guard, names } from '../guard';

const LAYOUT = 'src/authority/leaf-layout.ts';
const ENCODER = 'src/authority/leaf-encoder.ts';
const MAKER = 'src/authority/certificate-maker.ts';
const ROOT = 'src/authority/root-certificate.ts';
const SCHEDULE = 'src/authority/schedule.ts';
const SERIAL = 'src/domain/serial.ts';
const ROTATION = 'src/domain/rotation.ts';

const BOTH_ENDS = "hex('301406082b0601050507030106082b06010505070302')";
const CONSTRAINTS = 'new x509.BasicConstraintsExtension(authority, undefined, true)';

/** What a process gets. */
const LEAVES: readonly Guard[] = [
  guard('XL-01 XL-11', 'the ID stands among the names as a host name', LAYOUT, ['header(0x86, uri)', 'header(0x82, uri)'], 'XL-19 XL-13'),
  guard('XL-02', 'an ID without a path is signed', ENCODER, ['\\/[A-Za-z0-9._/-]+$/;', '[A-Za-z0-9._/-]*$/;']),
  guard(
    'XL-03',
    'our endpoint is marked as an authority',
    MAKER,
    [CONSTRAINTS, 'new x509.BasicConstraintsExtension(true, undefined, true)'],
    'XL-04',
  ),
  guard('XL-04 CI-09', 'basic constraints are left out', LAYOUT, ['    encodedExtension(EXTENSION.basicConstraints, true, EMPTY),\n', '']),
  guard('XL-05', 'key usage is not critical', LAYOUT, [
    "EXTENSION.keyUsage, true, hex('03020780')",
    "EXTENSION.keyUsage, false, hex('03020780')",
  ]),
  guard('XL-06', 'the key may sign certificates too', LAYOUT, ["hex('03020780')", "hex('03020284')"], 'XL-13'),
  guard('XL-07', 'the key may encrypt too', LAYOUT, ["hex('03020780')", "hex('030205a0')"]),
  guard('XL-08 XL-09', 'extended key usage is left out', LAYOUT, [
    `    encodedExtension(EXTENSION.extendedKeyUsage, false, ${BOTH_ENDS}),\n`,
    '',
  ]),
  guard('XL-09', 'a leaf is for servers only', LAYOUT, [BOTH_ENDS, "hex('300a06082b06010505070301')"], 'XL-13'),
  guard('XL-10', 'the names are not critical', MAKER, ['      wish.subject === null,\n', '      false,\n']),
  {
    without: 'a serial may be negative',
    rules: ['XL-12'],
    sharedBy: ['XL-13'],
    patches: [
      {
        file: SERIAL,
        edits: [
          ['(bytes[0]! & 0x3f) | 0x40', 'bytes[0]! | 0x80'],
          ['/^[4-7][0-9a-f]{31}$/', '/^[0-9a-f]{32}$/'],
        ],
      },
    ],
  },
  guard('XL-12', 'serials repeat', SERIAL, ['= random.bytes(16);', '= Buffer.concat([random.bytes(2), Buffer.alloc(14)]);']),
  guard('XL-13', 'a leaf names the key of no authority', LAYOUT, ['tlv(0x80, issuer.keyId)', 'tlv(0x80, Buffer.alloc(KEY_ID_BYTES))']),
  guard('XL-14 JS-13', 'a lifetime is not cut to that of the authority', ROTATION, ['1000, input.authorityNotAfterMs,', '1000,'], 'XL-15'),
  guard('XL-14', 'a leaf that outlives its authority passes the self-check', 'src/authority/x509-self-check.ts', [
    'if (plan.notAfterMs > issuer.notAfterMs)',
    'if (plan.notAfterMs < 0)',
  ]),
  guard('XL-15', 'nothing begins in the past', ROTATION, ['issuedAtMs - BACKDATE_MS)', 'issuedAtMs)'], 'XL-14 JS-13'),
  guard('XL-16', 'dates have the long form from 2040 on', 'src/domain/certificate-time.ts', [
    'FROM_2050_MS = Date.UTC(2050',
    'FROM_2050_MS = Date.UTC(2040',
  ]),
  guard(
    'XL-17 CI-10',
    'keys are on another curve',
    'src/node/agent-key.ts',
    ["createECDH('prime256v1')", "createECDH('secp256k1')"],
    'XL-18 XL-13',
  ),
  guard('XL-18', 'a key is handed out again', 'src/node/agent-key.ts', ['  spare = undefined;\n', '  spare = key;\n']),
  guard(
    'XL-19',
    'the ID is written otherwise than it is',
    ENCODER,
    ['bytes.write(plan.spiffeId,', "bytes.write(plan.spiffeId.replace('/a', '/A'),"],
    'XL-01 XV-20',
  ),
];

/** A root made otherwise, which would not be read back if that were still looked for. */
const root = (
  rules: string,
  without: string,
  [made, otherwise]: readonly [string, string],
  [read, unread]: readonly [string, string],
  sharedBy = '',
  file = MAKER,
): Guard => ({
  without,
  rules: names(rules),
  sharedBy: names(sharedBy),
  patches: [
    { file, edits: [[made, otherwise]] },
    { file: ROOT, edits: [[read, unread]] },
  ],
});

const USAGES = 'authority ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign';
const READ_USAGES: readonly [string, string] = [
  'keyUsageOf(certificate) !== (KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)',
  'keyUsageOf(certificate) === 0',
];
const ROOT_URI = 'uri: `spiffe://${wish.trustDomain}`';
const READ_URI = 'uris[0] !== `spiffe://${trustDomain}`';

/** What an authority is. */
const AUTHORITIES: readonly Guard[] = [
  root(
    'XC-01',
    'an authority is not marked critically',
    [CONSTRAINTS, 'new x509.BasicConstraintsExtension(authority, undefined, !authority)'],
    [' || !certificate.extensions.get(EXTENSION.basicConstraints)?.critical', ''],
    'XL-13',
  ),
  root('XC-02', 'an authority may not sign certificates', [USAGES, 'authority ? x509.KeyUsageFlags.cRLSign'], READ_USAGES, 'XL-13'),
  root('XC-03', 'an authority may sign anything', [USAGES, `${USAGES} | x509.KeyUsageFlags.digitalSignature`], READ_USAGES),
  root(
    'XC-04',
    'an authority has two URIs',
    [
      "        { type: 'url', value: wish.uri },\n",
      "        { type: 'url', value: wish.uri },\n        ...(authority ? [{ type: 'url' as const, value: 'https://example.org/' }] : []),\n",
    ],
    ['uris.length !== 1 || ', ''],
  ),
  root(
    'XC-05',
    'the ID of an authority ends with a slash',
    [ROOT_URI, 'uri: `spiffe://${wish.trustDomain}/`'],
    [READ_URI, 'uris[0] !== `spiffe://${trustDomain}/`'],
    'XC-06',
    ROOT,
  ),
  root(
    'XC-06',
    'an authority is of another trust domain',
    [ROOT_URI, "uri: 'spiffe://other.example'"],
    [READ_URI, "uris[0] !== 'spiffe://other.example'"],
    'XC-05 ID-14',
    ROOT,
  ),
  guard(
    'XC-07 FD-08',
    'our endpoint shows an authority',
    'src/authority/endpoint-leaf.ts',
    ["role: 'leaf'", "role: 'authority'"],
    'FD-01 FD-36 OD-05 TB-02',
  ),
  guard('XC-08', 'an authority sets a length of paths', MAKER, [
    CONSTRAINTS,
    'new x509.BasicConstraintsExtension(authority, authority ? 3 : undefined, true)',
  ]),
  guard('XC-10', 'an authority has an extended key usage', MAKER, [
    '...(authority ? [] : [new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth])]),',
    'new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),',
  ]),
  root(
    'XC-11',
    'an authority has no key identifier',
    [
      '    await x509.SubjectKeyIdentifierExtension.create(new Uint8Array(p256Spki(wish.publicKey))),\n',
      '    ...(authority ? [] : [await x509.SubjectKeyIdentifierExtension.create(new Uint8Array(p256Spki(wish.publicKey)))]),\n',
    ],
    ['!subjectKeyIdOf(certificate)?.equals(keyIdOf(point))', 'subjectKeyIdOf(certificate)?.length === 0'],
    'XC-09 XL-13',
  ),
  root(
    'XC-12',
    'a root names another issuer than itself',
    ['    issuer: null,\n', "    issuer: Buffer.from('300e310c300a06035504030c034f7468', 'hex'),\n"],
    [' || !certificate.subject.equals(certificate.issuer)', ''],
    'XL-13',
    ROOT,
  ),
  guard(
    'XC-14 FD-11',
    'a root goes when it stops signing',
    SCHEDULE,
    ["return row.stage !== 'retired' || nowMs < lastUseMs(row);", "return row.stage !== 'retired';"],
    'OD-09',
  ),
  guard(
    'XC-14 FD-10',
    'a root signs at once',
    SCHEDULE,
    ['(publishedAtMs(keyId) ?? Infinity) + propagationMs', '(publishedAtMs(keyId) ?? 0) * 0 + propagationMs'],
    'OD-09',
  ),
];

export const CERTIFICATES: readonly Guard[] = [...LEAVES, ...AUTHORITIES];
