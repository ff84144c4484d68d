import { guard, type Guard } from '../guard';

const FILE = 'src/domain/spiffe-id.ts';

/** Who reads SPIFFE IDs of others takes what the scanner takes, and refuses what it refuses. */
const READERS = 'XV-41 JV-06';
const MAP_READERS = `${READERS} TB-40`;

/** A character that both halves of the scanner let through. */
const letIn = (rules: string, without: string, code: string, sharedBy = ''): Guard =>
  guard(rules, without, FILE, ['c === DOT || c === 0x2d', `c === DOT || ${code} || c === 0x2d`], `ID-04 ID-07 ${READERS} ${sharedBy}`);

/** SPIFFE IDs. */
export const NAMES: readonly Guard[] = [
  guard(
    'ID-01',
    'any scheme is taken',
    FILE,
    ['if (!text.startsWith(SCHEME))', 'if (text === SCHEME)'],
    `ID-16 ID-18 XV-03 XV-31 ${READERS}`,
  ),
  guard(
    'ID-02',
    'the trust domain may be empty',
    FILE,
    ["if (name.length === 0) return 'the trust domain is empty';\n", ''],
    `ID-17 ${MAP_READERS}`,
  ),
  letIn('ID-03', 'a user and a port are taken', 'c === 0x40 || c === 0x3a || c === 0x5b || c === 0x5d'),
  guard(
    'ID-04',
    'a trust domain may hold anything',
    FILE,
    ['if (!isLower(c) && !isDigit(c) && !isMark(c))', 'if (c === 0)'],
    `ID-03 ID-05 ID-06 ID-15 ID-16 ID-17 ID-18 ${MAP_READERS}`,
  ),
  letIn('ID-05', 'percent-encoding is taken', 'c === 0x25', 'ID-22'),
  letIn('ID-06', 'queries and fragments are taken', 'c === 0x3f || c === 0x23 || c === 0x3d'),
  guard(
    'ID-07',
    'a path may hold anything',
    FILE,
    ['if (!isLower(c) && !isUpper(c) && !isDigit(c) && !isMark(c))', 'if (c < 0)'],
    `ID-03 ID-05 ID-06 ID-18 ID-22 ${READERS}`,
  ),
  guard(
    'ID-08',
    'a path may have empty segments',
    FILE,
    ["if (start === end) return 'a path has no empty segment and no slash at its end';\n", ''],
    `ID-19 ID-22 XV-03 XV-32 ${READERS}`,
  ),
  guard(
    'ID-09',
    'dot segments are taken',
    FILE,
    ["return dots ? 'a path has no segment . or ..' : undefined;", 'return dots ? undefined : undefined;'],
    `ID-18 ID-22 ${READERS}`,
  ),
  guard('ID-10', 'an ID may have any length', FILE, ['if (text.length > MAX_SPIFFE_ID_BYTES)', 'if (text.length < 0)'], READERS),
  guard('ID-10', 'an ID of any length is made', FILE, ['path.length > MAX_SPIFFE_ID_BYTES', 'path.length < 0']),
  guard('ID-10', 'an ID of any length is signed', 'src/authority/leaf-encoder.ts', ['spiffeId.length > MAX_URI_BYTES || ', '']),
  guard(
    'ID-11',
    'a trust domain may have any length',
    FILE,
    ['if (name.length > MAX_TRUST_DOMAIN_BYTES)', 'if (name.length < 0)'],
    `ID-17 ${READERS}`,
  ),
  guard(
    'ID-12',
    'numbers in a trust domain are read as an address',
    FILE,
    [
      'return new Parsed(trustDomain, path);\n}\n\n/** The SPIFFE ID of a path',
      "return new Parsed(/^[0-9.]+$/.test(trustDomain) ? trustDomain.replace(/^[0-9]+$/, '0.0.0.$&') : trustDomain, path);\n}\n\n/** The SPIFFE ID of a path",
    ],
    'ID-10 XV-20',
  ),
  guard(
    'ID-13',
    'paths are compared without their case',
    FILE,
    ['return `${SCHEME}${this.trustDomain}${this.path}`;', 'return `${SCHEME}${this.trustDomain}${this.path.toLowerCase()}`;'],
    'ID-04 ID-07',
  ),
  guard('ID-13', 'an identity is asked for without its case', 'src/server/issue.ts', [
    'identity.spiffeId === wanted)',
    'identity.spiffeId.toLowerCase() === wanted.toLowerCase())',
  ]),
  guard('ID-14', 'a root is of every trust domain that ends with its name', 'src/authority/root-certificate.ts', [
    '|| uris[0] !== `spiffe://${trustDomain}`)',
    "|| !uris[0]!.endsWith(trustDomain.split('.').at(-1)!))",
  ]),
  guard(
    'ID-15 ID-16',
    'a trust domain may have upper case',
    FILE,
    ['if (!isLower(c) && !isDigit(c) && !isMark(c))', 'if (!isLower(c) && !isUpper(c) && !isDigit(c) && !isMark(c))'],
    `ID-04 ${MAP_READERS}`,
  ),
  guard('ID-15', 'the host name enters a trust domain as it is', FILE, [
    '    .toLowerCase()\n    .replace(/[^a-z0-9]+/g',
    '    .replace(/[^A-Za-z0-9]+/g',
  ]),
  guard('ID-17', 'a trust domain is not taken in its other form', FILE, [
    'text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text',
    'text',
  ]),
  guard(
    'ID-18',
    'blanks are stripped first',
    FILE,
    [
      'export function parseSpiffeId(text: string): SpiffeId {\n',
      'export function parseSpiffeId(given: string): SpiffeId {\n  const text = given.trim();\n',
    ],
    `ID-04 ID-07 ${READERS}`,
  ),
  guard('ID-19', 'a template may name another trust domain', 'src/domain/match.ts', [
    "if ('fault' in parsed) throw",
    "if ('fault' in parsed && parsed.fault === '') throw",
  ]),
  guard('ID-20', 'an installation may take a trust domain with an empty label', FILE, [
    "if (name.split('.').includes(''))",
    "if (name === '')",
  ]),
  guard(
    'ID-21',
    'a generated trust domain is that of the host',
    FILE,
    ['-${newSuffix(random, 8)}.mandate.internal', '${newSuffix(random, 0)}.mandate.internal'],
    'ID-15',
  ),
  guard('ID-22', 'a value may be more than one segment', 'src/domain/template.ts', [
    'value.length > MAX_TEMPLATE_VALUE_LENGTH || !isPathSegment(value)',
    'value.length > MAX_TEMPLATE_VALUE_LENGTH',
  ]),
];
