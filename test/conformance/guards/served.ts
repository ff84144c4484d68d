import { guard, type Guard } from '../guard';

const API = 'src/node/workload-api.ts';
const SERVING = 'src/node/serve.ts';
const RESPONSE = 'src/node/x509-response.ts';
const TRUST = 'src/node/trust.ts';
const STREAM = 'src/node/live-stream.ts';
const CHANGE = 'src/node/bundle-change.ts';
const GATE = 'src/node/interceptor.ts';
const LISTENER = 'src/system/peer-listener.ts';
const PLACE = 'src/system/socket-path.ts';
const REFUSAL = 'src/wire/refusal.ts';
const STATUS = 'src/node/workload-status.ts';
const ADDRESS = 'src/service/workload-address.ts';
const LAYOUT = 'src/domain/layout.ts';
const UPDATE = 'src/server/bundle-update.ts';
const KEY_SET = 'jwkSetJson(own)';
const ISSUE = 'src/server/issue.ts';
const NODE = 'src/entry/run-node.ts';

/** The socket, and who is answered on it. */
const ENDPOINT: readonly Guard[] = [
  guard('WE-05 WE-06', 'a call without the security header is served', GATE, [
    "if (values.length !== 1 || values[0] !== 'true')",
    "if (values.length > 1 || (values.length === 1 && values[0] !== 'true'))",
  ]),
  guard('WE-08 WE-09', 'who wrote is not compared with who connected', LISTENER, [
    'if (sender.pid !== peer.pid) this.refuse(',
    'if (sender.pid < -1) this.refuse(',
  ]),
  guard('WE-09', 'a process that has another user by now is the one that connected', 'src/system/processes.ts', [
    'if (now.uid !== uid || now.gid !== gid) {',
    'if (now.uid < 0) {',
  ]),
  guard('WE-09 WL-08', 'a changed bundle is sent without a look at who gets it', CHANGE, ['      this.images.check(served);\n', '']),
  guard('WE-10', 'reflection leaves the Workload API out', 'src/wire/reflection.ts', [
    'this.services.map(({ typeName }) =>',
    'this.services.slice(1).map(({ typeName }) =>',
  ]),
  guard(
    'WE-12',
    'streams end with a refusal when the node does',
    'src/node/node.ts',
    [
      "served.endAll(new MandateError('E_STARTING', { why: 'the node is ending' }))",
      "served.endAll(new MandateError('E_NO_RULE', { why: 'the node is ending' }))",
    ],
    'WL-10',
  ),
  guard(
    'WE-13 WL-21',
    'no identity is said as something that may pass',
    STATUS,
    ['[GRPC.invalidArgument, GRPC.permissionDenied, ', '[GRPC.invalidArgument, '],
    'WE-14 WL-32 WL-42',
  ),
  guard('WE-14', 'a fault of ours is said as it is', STATUS, [
    'return KNOWN.includes(status.code) ? status : { ...status, code: GRPC.unavailable };',
    'return status;',
  ]),
  guard('WE-15', 'a refusal is said in other words', REFUSAL, ['`no identity issued: ${error.message}`', '`refused: ${error.message}`']),
  guard('WE-17', 'a folder that others may write to is taken', PLACE, [
    "    if (mode & OTHERS_WRITE && !(mode & STICKY)) throw unsafe(at, 'others may write to it');\n",
    '',
  ]),
  guard('WE-17', 'a live socket is removed', PLACE, [
    "  if (answer !== 'ECONNREFUSED') throw new MandateError('E_SOCKET_IN_USE', { saw: `${path} (${answer})` });\n",
    '',
  ]),
  guard('WE-17', 'a stale socket stays', PLACE, [
    'if (lstatOrNothing(path)?.ino === found.ino) unlinkSync(path);',
    'lstatOrNothing(path);',
  ]),
  guard('WE-20 WE-21', 'an address may be a path alone', LAYOUT, ['/^unix:(?:\\/\\/)?(\\/[^/?#]', '/^(?:unix:)?(?:\\/\\/)?(\\/[^/?#]']),
  guard('WE-21', 'query and fragment of an address are cut off', LAYOUT, ['[^?#]*)$/.exec(uri)?.[1];', '[^?#]*).*$/.exec(uri)?.[1];']),
  guard('CI-20', 'clients go to HTTP/2 as they come', 'src/system/any-authority.ts', [
    'let worth = worthALook(peekBytes(descriptorOf(socket)));',
    'let worth: boolean | undefined = peekBytes(descriptorOf(socket)).length < 0;',
  ]),
  guard('WE-22', 'an address may have any port', ADDRESS, [' && Number(port) <= 65535', '']),
];

/** What all streams keep to. */
const STREAMS: readonly Guard[] = [
  guard(
    'WL-01',
    'JWT bundles are not served',
    API,
    [
      "fetchJWTBundles: stream((served, out) => watch(served, out, 'standing', (now) => trust.response(now, served.federatesWith, 'jwks'))),",
      "fetchJWTBundles: stream(() => {\n      throw new MandateError('E_UNIMPLEMENTED');\n    }),",
    ],
    'WL-08 WL-09 WL-10 WE-12 WE-15',
  ),
  guard('WL-02', 'a first message waits for the server', SERVING, [
    "const settled = served.standing.kind === 'entitled' &&",
    'const settled = this.parts.clock.nowMs() < 0 &&',
  ]),
  guard(
    'WL-03 WL-20',
    'a message has the default identity alone',
    RESPONSE,
    [
      'create(X509SVIDResponseSchema, { svids: entries, federatedBundles })',
      'create(X509SVIDResponseSchema, { svids: entries.slice(0, 1), federatedBundles })',
    ],
    'WL-04 WL-06 WL-13 WL-22 WL-27 WL-29 WL-41 WL-43 WL-44',
  ),
  guard(
    'WL-04',
    'a changed bundle is not told',
    CHANGE,
    ['      for (const subscriber of [...served.subscribers]) subscriber.changed(served);\n', ''],
    'WL-06 WE-09',
  ),
  guard('WL-05', 'what was sent is sent again', STREAM, [
    'if (this.#closed || this.#last === message || this.#last?.equals(message) === true) return;',
    'if (this.#closed) return;',
  ]),
  guard('WL-06', 'each change is told by itself', CHANGE, ['    if (!this.#scheduled) this.#turn();\n', '    this.#turn();\n']),
  guard(
    'WL-07',
    'a successor comes when the end has come',
    'src/domain/rotation.ts',
    ['Math.floor((lifeMs / 2) *', 'Math.floor(lifeMs *'],
    'WL-04',
  ),
  guard('WL-09 WL-25', 'a message without an SVID is sent', RESPONSE, [
    'if (svids.length === 0 || trust.x509.length === 0) return undefined;',
    'if (svids.length < 0) return undefined;',
  ]),
  guard('WL-11', 'what a reader does not take is queued', STREAM, [
    'if (this.call.writableNeedDrain) this.#waiting = message;\n    else this.call.write(message);',
    'this.call.write(message);',
  ]),
  guard(
    'WL-12',
    'a request that is none is an empty one',
    STATUS,
    ['if (request instanceof MalformedRequest) throw', 'if (request === undefined) throw'],
    'WE-10',
  ),
  guard('WL-13', 'a message may have any length', RESPONSE, ['return bytes > MAX_RESPONSE_BYTES;', 'return bytes < 0;']),
  guard('WL-13', 'a process may have any number of identities', 'src/domain/match.ts', ['identities.length < MAX_IDENTITIES && ', '']),
  guard('WL-14', 'bundles stand under a name with a slash', TRUST, ['`spiffe://${trustDomain}`;', '`spiffe://${trustDomain}/`;'], 'WL-45'),
  guard('WL-15', 'a connection carries ten streams', LISTENER, [
    "'grpc.max_concurrent_streams': 1000,",
    "'grpc.max_concurrent_streams': 10,",
  ]),
];

/** X.509 and its bundles. */
const X509: readonly Guard[] = [
  guard('WL-22', 'a key is left out', RESPONSE, ['    x509SvidKey: key,\n', '']),
  guard('WL-22 WL-24', 'an SVID is taken whose key is another one', 'src/service/workload-messages.ts', [
    "  if (!new X509Certificate(leaf).checkPrivateKey(key)) throw damaged('a key that is not that of the certificate');\n",
    '',
  ]),
  guard(
    'WL-23',
    'the root stands behind the leaf',
    RESPONSE,
    ['    x509Svid: chain,\n', '    x509Svid: Buffer.concat([chain, trust.x509]),\n'],
    'WL-13 WL-20 WL-22',
  ),
  guard('WL-24', 'a key has a byte too many', SERVING, [
    'this.#hold(served, issued, key.pkcs8);',
    'this.#hold(served, issued, Buffer.concat([key.pkcs8, Buffer.alloc(1)]));',
  ]),
  guard('WL-25', 'a foreign trust domain without keys has an empty bundle', TRUST, ['if (keys && keys.length > 0)', 'if (keys)']),
  guard('WL-26', 'a partner may speak for our own trust domain', TRUST, [
    'bundle.foreign.filter((one) => one.trustDomain !== trustDomain)',
    'bundle.foreign',
  ]),
  guard('WL-28', 'a hint may have any length', 'src/domain/rule-issue.ts', ['/^[\\x20-\\x7e]{0,64}$/', '/^[\\x20-\\x7e]*$/']),
  guard(
    'WL-29',
    'rules come by their names alone',
    'src/domain/match.ts',
    ['return y.priority - x.priority || (', 'return ('],
    'WL-03 WL-04 WL-06 WL-13 WL-20 WL-27 WL-41 WL-43 WL-44',
  ),
  guard('WL-31 WL-45', 'our own bundle is left out', TRUST, [', [mapKey(trust.trustDomain)]: trust[kind] }', ' }'], 'WL-14 WL-26'),
  guard('WL-32', 'bundles are given to who has no identity', API, [
    "if (served.standing.kind === 'refused') {",
    "if (served.standing.kind === 'refused' && wants === 'standing' && now) out.send(trust.response(now, [], 'x509'));\n      else if (served.standing.kind === 'refused') {",
  ]),
];

/** Tokens and their bundles. */
const JWT: readonly Guard[] = [
  guard(
    'WL-41',
    'a token is for the default identity alone',
    ISSUE,
    ["wanted === '' ? identities : [", "wanted === '' ? identities.slice(0, 1) : ["],
    'WL-03 WL-20 WL-27 WL-29 WL-43 WL-44',
  ),
  guard('WL-42', 'any text may stand for a SPIFFE ID', API, ["      if (request.spiffeId !== '') parseSpiffeId(request.spiffeId);\n", '']),
  guard('WL-42', "for somebody else's ID the default one is given", ISSUE, [
    'identities.find((identity) => identity.spiffeId === wanted);',
    'identities.find((identity) => identity.spiffeId === wanted) ?? identities[0];',
  ]),
  guard(
    'WL-43',
    'the ID of a token is left out',
    API,
    ['({ spiffeId: svid.spiffeId, svid: svid.token, hint: svid.hint })', "({ spiffeId: '', svid: svid.token, hint: svid.hint })"],
    'WL-03 WL-20 WL-27 WL-29 WL-41 WL-42',
  ),
  guard('WL-46', 'another key stands among those of tokens', UPDATE, [
    KEY_SET,
    `${KEY_SET}.replace('[', '[{"use":"x509-svid","kty":"EC"},')`,
  ]),
  guard('WL-46', 'roots are taken from a JWT bundle', 'src/service/workload-messages.ts', [
    '({ ...parseBundle(withUse(bytes), trustDomain), roots: [] })',
    'parseBundle(withUse(bytes), trustDomain)',
  ]),
  guard('WL-47', 'keys of tokens have no kid', UPDATE, [KEY_SET, `${KEY_SET}.replace(/"kid":"[^"]*",/g, '')`]),
  guard('WL-48', 'keys of tokens say no use', UPDATE, [KEY_SET, `${KEY_SET}.replace(/"use":"[^"]*",/g, '')`]),
  guard('WL-49', 'a token is judged for nobody', API, [
    "if (request.audience === '' || request.svid === '') throw",
    "if (request.svid === '') throw",
  ]),
  guard('WL-50', 'tokens of every partner are judged', NODE, [
    'for (const name of federatesWith) {',
    'for (const name of trust.foreign.keys()) {',
  ]),
  guard('WL-51', 'an invalid token is said as no identity', API, [
    'await parts.validate(request.svid, request.audience, now, served.federatesWith);',
    "await parts.validate(request.svid, request.audience, now, served.federatesWith).catch(() => {\n        throw new MandateError('E_NO_RULE');\n      });",
  ]),
  guard('WL-52', 'of the claims only the audience comes back', NODE, ['claims: { ...claims, aud:', 'claims: { aud:']),
  guard('WL-53', 'aud comes back as text', NODE, ['aud: Array.isArray(aud) ? aud : [aud]', 'aud: String(aud)']),
];

const FOLLOWED = 'src/service/followed-stream.ts';
const MESSAGES = 'src/service/workload-messages.ts';

/** Our own client. */
const CLIENT: readonly Guard[] = [
  guard(
    'WL-70',
    'a stream that ended is not opened again',
    FOLLOWED,
    ['this.#cancelPause = clock.after(settled ? 0 : backoffMs(this.#failures - 1, random), () => this.#open());', ''],
    'WL-10 WL-74',
  ),
  guard('WL-70', 'what was refused for good is asked again', FOLLOWED, ['    if (final) return;\n', '']),
  guard(
    'WL-71',
    'what a message leaves out stays',
    'src/service/workload-source.ts',
    ['          this.#bundles.x509 = bundles;\n', '          this.#bundles.x509 = new Map([...this.#bundles.x509, ...bundles]);\n'],
    'WL-74',
  ),
  guard('WL-72', 'a message without an SVID takes everything away', MESSAGES, [
    "  if (message.svids.length === 0) throw damaged('no SVID');\n",
    '',
  ]),
  guard('WL-73', 'of two entries with one hint both count', MESSAGES, [
    "const taken = hint !== '' && hints.has(hint);",
    'const taken = false;',
  ]),
  guard('WL-74', 'what a refused process holds stays in use', FOLLOWED, [
    'if (code === GRPC.permissionDenied) this.parts.denied();',
    'if (code < 0) this.parts.denied();',
  ]),
];

export const SERVED: readonly Guard[] = [...ENDPOINT, ...STREAMS, ...X509, ...JWT, ...CLIENT];
