import { guard, type Guard, names } from '../guard';

const ENTRIES = 'src/verify/bundle-entries.ts';
const TOKEN = 'src/verify/jwt-svid.ts';
const CLAIMS = 'src/verify/jwt-claims.ts';
const ALGORITHM = 'src/verify/jws-algorithm.ts';
const JSON_READER = 'src/verify/strict-json.ts';

/** JWT-SVIDs of whoever shows them. */
export const JUDGED_TOKENS: readonly Guard[] = [
  guard('JV-01', 'an algorithm is anything that has a name', ALGORITHM, [
    "typeof name === 'string' && Object.hasOwn(FITS, name)",
    "typeof name === 'string'",
  ]),
  guard('JV-02', 'parts beyond the third are ignored', TOKEN, ['if (parts.length !== 3)', 'if (parts.length < 3)']),
  guard(
    'JV-02',
    'base64url is read as it comes',
    JSON_READER,
    ["bytes.toString('base64url') === text ? bytes : undefined", 'bytes'],
    'TB-24 JV-14',
  ),
  guard('JV-03', 'typ may be anything', TOKEN, ["if (typ !== undefined && typ !== 'JWT' && typ !== 'JOSE')", "if (typ === '')"]),
  guard('JV-04', 'crit is ignored', TOKEN, ["['alg', 'kid', 'typ']", "['alg', 'kid', 'typ', 'crit']"]),
  guard('JV-05', 'further members of the header are ignored', TOKEN, ['!HEADER_MEMBERS.includes(name))', "name === 'crit')"]),
  guard('JV-06', 'a sub that is no SPIFFE ID is taken for one', CLAIMS, [
    'if (error instanceof MandateError) return undefined;',
    "if (error instanceof MandateError) return parseSpiffeId('spiffe://example.org/any');",
  ]),
  guard('JV-08', 'an unknown kid is as good as none', TOKEN, [
    'kid === undefined || one.kid === kid)',
    'kid !== one.kid || one.kid === kid)',
  ]),
  guard('JV-08', 'a token without kid is refused', TOKEN, ['kid === undefined || one.kid === kid)', 'one.kid === kid)']),
  guard('JV-09', 'a key verifies under any algorithm', TOKEN, ['.filter((key) => keyFits(algorithm, key))', '']),
  guard('JV-10', 'a token for anybody is taken', CLAIMS, ['if (!audiences.includes(audience))', 'if (audience === undefined)']),
  guard('JV-10', 'a token for nobody is taken', CLAIMS, ["if (!audiences) return 'no audience';", 'if (!audiences) return undefined;']),
  guard('JV-11', 'an expired token is taken', CLAIMS, ['if (!(nowMs < exp * 1000))', 'if (Number.isNaN(nowMs))'], 'JV-08'),
  guard('JV-11', 'a token need not expire', CLAIMS, ["if (!isDate(exp)) return 'no usable exp';", 'if (!isDate(exp)) return undefined;']),
  guard('JV-12', 'nbf is not looked at', CLAIMS, ['nbf === undefined || nowMs >= nbf * 1000 ?', 'nbf === undefined || nbf >= 0 ?']),
  guard('JV-13', 'a token of the future is refused', CLAIMS, [
    'if (!audiences.includes(audience))',
    "if (iat !== undefined && iat * 1000 > nowMs) return 'issued in the future';\n  if (!audiences.includes(audience))",
  ]),
  guard(
    'JV-14',
    'the signature is not verified',
    TOKEN,
    ['if (!(await isSigned(token, algorithm, keys)))', 'if (keys.length < 1)'],
    'JV-07 JV-16 JV-17 TB-25',
  ),
  guard(
    'JV-15 TB-41',
    'of two members of one name the last counts',
    JSON_READER,
    ["if (frame.names.has(name)) throw new SyntaxError('a member twice');", ''],
    'TB-20 TB-31 FD-30',
  ),
  guard(
    'JV-16 XV-07 WL-33 TB-22',
    'keys of any use verify tokens',
    ENTRIES,
    ["  if (use !== 'x509-svid' && use !== 'jwt-svid') return 'another use';\n", ''],
    'TB-24',
  ),
  {
    without: 'with no keys nothing is refused',
    rules: ['JV-17'],
    sharedBy: names('JV-08 JV-09 JV-14 JV-16 XV-07 WL-33 TB-25'),
    patches: [
      {
        file: TOKEN,
        edits: [
          ['  if (keys.length === 0) throw refused(`no key of its trust domain fits it${ignoredIn(bundle)}`);\n', ''],
          ['if (!(await isSigned(token, algorithm, keys)))', 'if (keys.length > 0 && !(await isSigned(token, algorithm, keys)))'],
        ],
      },
    ],
  },
  guard('JV-18', 'one of the nine algorithms is unknown', ALGORITHM, ['  PS384: RSA,\n', '']),
];
