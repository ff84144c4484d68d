import { guard, type Guard } from '../guard';

const DOCUMENTS = 'src/server/documents.ts';
const HTTPS = 'src/server/https-listener.ts';
const RELATIONSHIP = 'src/domain/federation.ts';
const FEDERATION = 'src/server/federation.ts';
const PARTNER = 'src/server/partner.ts';
const FETCH = 'src/server/foreign-endpoint.ts';
const POLLS = 'src/domain/poll-schedule.ts';
const SOURCE = 'src/service/endpoint-source.ts';
const SERVICE_FETCH = 'src/service/bundle-fetch.ts';
const STORE = 'src/lineage/federation-store.ts';
const OIDC = 'src/domain/oidc.ts';

/** Our own endpoints. */
const ENDPOINTS: readonly Guard[] = [
  guard(
    'FD-01',
    'the endpoint for the web has no documents',
    'src/server/publication.ts',
    ["answer: answer('https_web', WEB_HEADERS)", 'answer: (_request, response) => void response.writeHead(404).end()'],
    'FD-36 OD-01 OD-05 TB-02',
  ),
  guard('FD-03', 'any method is answered', DOCUMENTS, [
    "if (request.method !== 'GET' && request.method !== 'HEAD')",
    "if (request.method === '')",
  ]),
  guard('FD-03', 'the bundle is that of the first reading', 'src/server/published.ts', [
    'if (last?.bundle !== current) last',
    'if (last === undefined) last',
  ]),
  guard('FD-04 OD-09', 'documents are sent as text', DOCUMENTS, ["'content-type': 'application/json'", "'content-type': 'text/plain'"]),
  guard(
    'FD-05',
    'who reads has to show a certificate',
    HTTPS,
    ['requestCert: false,', 'requestCert: true,'],
    'FD-03 FD-04 FD-06 FD-13 TB-14 OD-02 OD-05 OD-09',
  ),
  guard('FD-06', 'TLS 1.1 is spoken', HTTPS, [
    "  minVersion: 'TLSv1.2' as const,\n  ciphers: TLS_SUITES,",
    "  minVersion: 'TLSv1' as const,\n  ciphers: `DEFAULT@SECLEVEL=0:${TLS_SUITES}`,",
  ]),
  guard('FD-06', 'suites without forward secrecy are spoken', 'src/domain/tls-suites.ts', [
    "  'ECDHE-RSA-CHACHA20-POLY1305',\n",
    "  'ECDHE-RSA-CHACHA20-POLY1305',\n  'ECDHE-ECDSA-AES128-SHA256',\n  'ECDHE-ECDSA-AES128-SHA',\n  'AES128-GCM-SHA256',\n",
  ]),
  guard('FD-07', 'a certificate of another name is shown', 'src/server/web-certificate.ts', [
    'if (named === undefined) return',
    "if (name === '') return",
  ]),
  guard('FD-07', 'a renewed certificate is not taken up', 'src/server/web-endpoint.ts', [
    'this.#listener === undefined || files.version !== this.#served?.version',
    'this.#listener === undefined',
  ]),
  guard('FD-13', 'copies have no tag', DOCUMENTS, ["    response.setHeader('etag', etag);\n", '']),
  guard('FD-36', 'a reading is not logged', 'src/server/publication.ts', [
    'if (mayLog()) parts.log.info(',
    'if (!mayLog()) parts.log.info(',
  ]),
];

/** Partners, and what is read of them. */
const PARTNERS: readonly Guard[] = [
  guard('FD-02', 'a URL may name a user', RELATIONSHIP, [
    "  if (/^https:\\/\\/[^/?#]*@/.test(url)) return 'the URL names a user';\n  if (!ENDPOINT_URL.test(url) || !URL.canParse(url))",
    '  if (!URL.canParse(url))',
  ]),
  guard('FD-02', 'any URL is one of an endpoint', SERVICE_FETCH, [
    'if (/^https:\\/\\/[^/?#@\\\\]+([/?#]|$)/.test(text) && URL.canParse(text))',
    'if (URL.canParse(text))',
  ]),
  guard('FD-20', 'a profile that is not said is https_web', 'src/cli/commands/federation-add.ts', [
    "needed(options, 'profile', 'https_spiffe or https_web')",
    "textOption(options, 'profile') ?? 'https_web'",
  ]),
  guard('FD-21', 'an endpoint of https_spiffe may be anybody', RELATIONSHIP, [
    "if (profile === 'https_spiffe' && endpointId === null)",
    "if (profile === 'https_spiffe' && endpointId === '')",
  ]),
  guard('FD-21', 'an endpoint of a trust domain that nobody knows is asked', FEDERATION, [
    'if (needed !== relationship.trustDomain)\n',
    "if (needed !== relationship.trustDomain) return;\n    if (needed === '')\n",
  ]),
  guard('FD-22', 'a partner is its own proof', FEDERATION, [
    'if (trust && trust.roots.length > 0) return;',
    'if (needed === relationship.trustDomain || (trust && trust.roots.length > 0)) return;',
  ]),
  guard('FD-22', 'an endpoint is checked with the first bundle for ever', SOURCE, ['      this.#endpointBundle = fetched;\n', '']),
  guard('FD-23', 'an endpoint of another partner is checked with the bundle of the one that it is asked for', PARTNER, [
    'const trust = this.parts.trustOf(trustDomain);',
    'const trust = this.parts.trustOf(this.row.trustDomain);',
  ]),
  guard(
    'FD-24',
    'any certificate does for the web',
    FETCH,
    ['    rejectUnauthorized: true,\n    ...identityOf', "    rejectUnauthorized: proof.profile !== 'https_web',\n    ...identityOf"],
    'FD-26',
  ),
  guard('FD-24', 'a name in the subject is enough', FETCH, [
    "certificate.subjectaltname === undefined ? stranger('its certificate has no names') : checkServerIdentity(host, certificate),",
    'certificate.subjectaltname === undefined ? undefined : checkServerIdentity(host, certificate),',
  ]),
  guard('FD-25', 'any SVID of the trust domain will do', FETCH, [
    'return spiffeId === id ? undefined :',
    "return spiffeId !== '' ? undefined :",
  ]),
  guard('FD-25', 'any server of the trust domain will do', SOURCE, [
    'server: allow({ id: profile.endpointId })',
    'server: allow({ trustDomain: parseSpiffeId(profile.endpointId).trustDomain })',
  ]),
  guard('FD-26', 'an endpoint may have both profiles', RELATIONSHIP, [
    "if (profile === 'https_web' && endpointId !== null)",
    "if (profile === 'https_web' && endpointId === '')",
  ]),
  guard('FD-27', 'what a redirect says is a bundle', SERVICE_FETCH, [
    'if (response.statusCode !== 200) return',
    'if ((response.statusCode ?? 500) >= 400) return',
  ]),
  guard('FD-28', 'without a hint a partner is asked every fifty minutes', POLLS, [
    'DEFAULT_HINT_SECONDS = 300;',
    'DEFAULT_HINT_SECONDS = 3000;',
  ]),
  guard('FD-29', 'after a failure it is asked at once', POLLS, [
    'interval * 2 ** Math.min(Math.max(0, failures - 1), 10)',
    'failures > 0 ? 1 : interval',
  ]),
  guard('FD-30', 'an answer of any status is a bundle', FETCH, [
    '  if (statusCode !== 200) throw unreachable(`status ${statusCode}`);\n',
    '',
  ]),
  guard('FD-30', 'PEM from an endpoint is a bundle', 'src/verify/foreign-bundle.ts', [
    "form === 'pem' ? parseBundle : parseBundleDocument",
    'parseBundle',
  ]),
  guard('FD-31', 'what was read is not kept', STORE, [
    'data: documentData(document) }),\n    );',
    'data: { fetched: document.fetched } }),\n    );',
  ]),
  guard('FD-32', 'the keys of an endpoint are added to those that it serves', PARTNER, [
    '[this.bundle, this.document] = [bundle, arrived.document];',
    "const proof = this.parts.trustOf(endpointTrustDomain(this.row) ?? '')?.roots ?? [];\n        const others = endpointTrustDomain(this.row) === trustDomain ? [] : proof.map(({ certificate }) => certificate.tbs);\n        [this.bundle, this.document] = [{ ...bundle, x509: Buffer.concat([bundle.x509, ...others]) }, arrived.document];",
  ]),
  guard('FD-34', 'what ended is asked on', FEDERATION, ['    partner.end();\n', '']),
  guard('FD-34', 'a relationship that ended keeps its document', STORE, [
    '{ document: null, documentAt: null, removedAt: new Date(atMs) }',
    '{ removedAt: new Date(atMs) }',
  ]),
  guard(
    'FD-35',
    'a relationship with oneself is taken',
    RELATIONSHIP,
    ["  if (trustDomain === ownTrustDomain) throw invalid('it is the trust domain of this installation');\n", ''],
    'FD-20',
  ),
  guard('FD-35', 'a trust domain may have two relationships', STORE, [
    "        if (present.some((other) => other.trustDomain === trustDomain)) throw new MandateError('E_FEDERATION_EXISTS', { saw: trustDomain });\n",
    '',
  ]),
  guard('FD-37', 'a change of a partner is told to nobody', 'src/node/trust.ts', [
    'if (!sameKeys(before?.foreign.get(name), now.foreign.get(name))) changed.add(name);',
    "if (name === '') changed.add(name);",
  ]),
  guard('FD-39', 'a size that is announced is not looked at', FETCH, [
    "  if (Number(headers['content-length'] ?? 0) > MAX_FOREIGN_BYTES) throw tooLarge();\n",
    '',
  ]),
  guard('FD-39', 'an answer may take any time', SERVICE_FETCH, ['clock.after(WHOLE_MS, ', 'clock.after(WHOLE_MS * 1000, ']),
];

/** OpenID Connect. */
const DISCOVERY: readonly Guard[] = [
  guard('OD-01', 'an issuer may end with a slash', OIDC, ['[A-Za-z0-9._~-]+)*$/;', '[A-Za-z0-9._~-]+)*\\/?$/;']),
  guard(
    'OD-02',
    'the documents stand at the root of the host',
    OIDC,
    ["const base = pathname === '/' ? '' : pathname;", "const base = pathname === '/' ? '' : '';"],
    'OD-05 FD-03',
  ),
  guard('OD-03', 'the document leaves out what an issuer cannot do', OIDC, ["    authorization_endpoint: '',\n", '']),
  guard('OD-04', 'keys are those of the bundle as they are', OIDC, [
    "({ use: 'sig', alg: algorithmOf(key), kid: key.kid,",
    "({ use: 'jwt-svid', kid: key.kid,",
  ]),
  guard(
    'OD-05',
    'roots stand among the keys',
    'src/server/published.ts',
    ["of(paths.keys, 'oidc-keys', oidcKeysJson)]", "of(paths.keys, 'oidc-keys', (now) => spiffeBundleJson(now))]"],
    'OD-02 OD-09',
  ),
  guard('OD-06', 'RS256 is given to nobody', 'src/domain/audience.ts', ["? 'RS256' : 'ES256'", "? 'ES256' : 'ES256'"], 'JS-15'),
  guard(
    'OD-07',
    'a token for relying parties has no iss',
    'src/authority/jwt-signer.ts',
    ['    ...(plan.issuer !== null && { iss: plan.issuer }),\n', ''],
    'OD-01 OD-08 JS-12',
  ),
  guard('OD-08', 'a token with a foreign iss is refused', 'src/verify/jwt-claims.ts', [
    '  if (!audiences.includes(audience))',
    "  if (claims['iss'] !== undefined) return 'issued by somebody';\n  if (!audiences.includes(audience))",
  ]),
];

export const PUBLISHED_AND_READ: readonly Guard[] = [...ENDPOINTS, ...PARTNERS, ...DISCOVERY];
