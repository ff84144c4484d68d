import { guard, type Guard } from '../guard';

const SIGNER = 'src/authority/jwt-signer.ts';
const FORM = 'src/authority/compact-jws.ts';
const CHECK = 'src/authority/jwt-self-check.ts';
const API = 'src/node/workload-api.ts';
const HEADER = "{ alg: algorithm, kid: keyId, typ: 'JWT' }";
const WRITTEN = "return Buffer.from(token, 'latin1');";

/** What is issued as a JWT-SVID, and how it is asked for. */
export const TOKENS: readonly Guard[] = [
  guard('JS-01', 'a token is padded', FORM, [WRITTEN, "return Buffer.from(`${token}=`, 'latin1');"]),
  guard(
    'JS-02 JS-15',
    'a token says another algorithm',
    FORM,
    [
      WRITTEN,
      "const head = Buffer.from(JSON.stringify({ ...header, alg: 'EdDSA' })).toString('base64url');\n      return Buffer.from(token.replace(/^[^.]+/, head), 'latin1');",
    ],
    'JS-14',
  ),
  guard('JS-03', 'a header has one member more', SIGNER, [HEADER, "{ alg: algorithm, kid: keyId, typ: 'JWT', cty: 'JWT' }"]),
  guard('JS-04 CI-11', 'a header names no key', SIGNER, [HEADER, "{ alg: algorithm, typ: 'JWT' }"], 'JS-03'),
  guard('JS-05', 'a header says another type', SIGNER, [HEADER, "{ alg: algorithm, kid: keyId, typ: 'at+jwt' }"]),
  guard('JS-06', 'sub is not the ID as it is', SIGNER, ['sub: plan.spiffeId,', 'sub: plan.spiffeId.toUpperCase(),']),
  guard('JS-07', 'a token without an audience passes the self-check', CHECK, [
    "    if (plan.audience.length === 0) return 'audience';\n",
    '',
  ]),
  guard(
    'JS-07 WL-40',
    'an empty list of audiences goes on to the server',
    API,
    ['if (audiences.length === 0)', 'if (audiences.length < 0)'],
    'JS-08 WL-12 WL-42',
  ),
  guard(
    'JS-08',
    'audiences are taken as they come',
    API,
    ["[...new Set(requested)].filter((audience) => audience !== '')", '[...requested]'],
    'JS-07 WL-12 WL-40',
  ),
  guard('JS-09', 'a token does not expire', SIGNER, ['    exp: plan.notAfterMs / 1000,\n', ''], 'JS-10'),
  guard('JS-09', 'a token lives an hour where a rule says nothing', 'src/domain/rule.ts', [
    'DEFAULT_JWT_TTL_SECONDS = 5 * 60',
    'DEFAULT_JWT_TTL_SECONDS = 60 * 60',
  ]),
  guard('JS-10', 'dates have parts of a second', SIGNER, ['nbf: plan.notBeforeMs / 1000,', 'nbf: plan.notBeforeMs / 1000 + 0.5,']),
  guard('JS-11', 'iat is rounded up', SIGNER, ['Math.floor(', 'Math.ceil(']),
  guard('JS-12', 'jti is left out', SIGNER, ['    jti: plan.serial,\n', '']),
  guard('JS-13', 'a token that outlives its key passes the self-check', CHECK, [
    'if (plan.notAfterMs > issuer.notAfterMs)',
    'if (plan.notAfterMs < 0)',
  ]),
  guard('JS-14', 'the signature is another one', FORM, [WRITTEN, "return Buffer.from(`${token.slice(0, -4)}AAAA`, 'latin1');"], 'JV-18'),
  guard('JS-16', 'any number of audiences is taken', API, [
    'if (audiences.length > MAX_AUDIENCES)',
    'if (audiences.length > 64 * MAX_AUDIENCES)',
  ]),
  guard('JS-17', 'one key signs certificates and tokens', 'src/authority/local-keys.ts', [
    ': generateAuthorityKey().key;',
    ": kind === 'jwt' && globalThis.one ? globalThis.one : (globalThis.one = generateAuthorityKey().key);",
  ]),
];

/** What only libraries of others need. */
export const CLIENTS: readonly Guard[] = [
  guard(
    'CI-02 CI-03 CI-05 WL-10',
    'a stream without an identity ends with OK',
    'src/node/live-stream.ts',
    ["this.call.emit('error', Object.assign(new Error(error.message), this.status(error)));", 'this.call.end();'],
    'CI-15 WE-14 WL-09 WL-11 WL-21 WL-63',
  ),
  guard('CI-14 WL-27 WL-44', 'a hint is given as often as rules have it', 'src/node/x509-response.ts', [
    "const taken = svid.hint !== '' && seen.has(svid.hint);",
    'const taken = false;',
  ]),
  guard('CI-15 WL-63 WE-16', 'a WIT-SVID is denied, not unknown', API, [
    "fetchWITSVID: stream(() => {\n      throw new MandateError('E_UNIMPLEMENTED');",
    "fetchWITSVID: stream(() => {\n      throw new MandateError('E_NO_RULE');",
  ]),
];
