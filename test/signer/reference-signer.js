'use strict';
/**
 * A signer that speaks the protocol of docs/remote-signer.md: for tests, and for trying it. Its keys are in its memory, or plain in a folder; it is no place for keys that
 * matter. The bridge to a KMS is this program with `Keys` calling the KMS.
 *
 *   node test/signer/reference-signer.js --socket /run/signer/signer.sock --token-file /run/signer/token --keys /var/lib/signer
 *   node test/signer/reference-signer.js --port 8700 --token-file token [--cert cert.pem --key key.pem [--client-ca ca.pem]]
 */
const {
  constants,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateEncrypt,
  timingSafeEqual,
} = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { parseArgs, promisify } = require('node:util');

/** Order of P-256 (FIPS 186-4, D.1.2.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const MAX_BODY_BYTES = 4096;
const NAME = /^[a-z0-9-]{1,63}$/;
const ALGORITHMS = {
  ECDSA_P256_SHA256: ['ec', { namedCurve: 'prime256v1' }],
  RSA_PKCS1_2048_SHA256: ['rsa', { modulusLength: 2048 }],
};
/** DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** What a KMS does: makes keys under names, shows public halves, signs digests. */
class Keys {
  #folder;
  #keys = new Map();

  constructor(folder) {
    this.#folder = folder;
    for (const file of folder === undefined ? [] : fs.readdirSync(folder)) {
      const [name, algorithm] = file.split('.');
      this.#keys.set(name, { algorithm, key: createPrivateKey(fs.readFileSync(path.join(folder, file))) });
    }
  }

  async create(name, algorithm) {
    const found = this.#keys.get(name);
    if (found) return found.algorithm === algorithm && found.key !== null;
    const [type, options] = ALGORITHMS[algorithm];
    const { privateKey } = await promisify(generateKeyPair)(type, options);
    if (this.#folder !== undefined)
      fs.writeFileSync(path.join(this.#folder, `${name}.${algorithm}`), privateKey.export({ format: 'pem', type: 'pkcs8' }), {
        mode: 0o600,
      });
    this.#keys.set(name, { algorithm, key: privateKey });
    return true;
  }

  describe(name) {
    const { algorithm, key } = this.#keys.get(name) ?? {};
    if (!key) return undefined;
    return { name, algorithm, publicKey: createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64') };
  }

  names() {
    return [...this.#keys.keys()];
  }

  sign(name, digest) {
    const { algorithm, key } = this.#keys.get(name);
    if (algorithm === 'ECDSA_P256_SHA256') return ecdsa(key, digest);
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([DIGEST_INFO, digest]));
  }

  /** The name stays taken: a key that is gone does not come back as another. */
  destroy(name) {
    const { algorithm } = this.#keys.get(name);
    this.#keys.set(name, { algorithm, key: null });
    if (this.#folder !== undefined) fs.rmSync(path.join(this.#folder, `${name}.${algorithm}`), { force: true });
  }
}

/** FIPS 186-4 §6.4, in DER. Node.js hashes whatever it is to sign, and here the digest comes from outside; not in constant time. */
function ecdsa(key, digest) {
  const one = createECDH('prime256v1');
  const point = one.generateKeys();
  const r = number(point.subarray(1, 33)) % ORDER;
  const secret = number(Buffer.from(key.export({ format: 'jwk' }).d, 'base64url'));
  const s = (inverse(number(one.getPrivateKey())) * (number(digest) + r * secret)) % ORDER;
  const pair = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, pair.length]), pair]);
}

const number = (bytes) => BigInt(`0x${bytes.toString('hex')}`);

/** Fermat: the order is prime. */
function inverse(value) {
  let result = 1n;
  for (let [base, exponent] = [value % ORDER, ORDER - 2n]; exponent > 0n; exponent >>= 1n, base = (base * base) % ORDER)
    if (exponent & 1n) result = (result * base) % ORDER;
  return result;
}

function integer(value) {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const content = bytes[0] & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
  return Buffer.concat([Buffer.from([2, content.length]), content]);
}

/** The protocol over those keys: what a bridge to a KMS keeps as it is. `token` is called for each request; undefined where none is asked for. */
const answerer = (keys, token) => async (request, body) => {
  if (!mayAsk(request, token())) return [401, { error: 'UNAUTHENTICATED' }];
  const { pathname, searchParams } = new URL(request.url, 'http://signer');
  const [, name, verb] = /^\/v1\/keys(?:\/([^/]+)(?:\/(sign))?)?$/.exec(pathname) ?? [];
  if (pathname === '/v1/keys' && request.method === 'GET') {
    const prefix = searchParams.get('prefix') ?? '';
    const found = keys.names().flatMap((one) => (one.startsWith(prefix) ? (keys.describe(one) ?? []) : []));
    return [200, { keys: found }];
  }
  if (name === undefined || !NAME.test(name)) return [404, { error: 'NOT_FOUND' }];
  if (request.method === 'PUT' && verb === undefined) {
    if (!Object.hasOwn(ALGORITHMS, body?.algorithm ?? '')) return [400, { error: 'INVALID_ARGUMENT' }];
    return (await keys.create(name, body.algorithm)) ? [200, keys.describe(name)] : [409, { error: 'ALREADY_EXISTS' }];
  }
  const key = keys.describe(name);
  if (key === undefined) return [404, { error: 'NOT_FOUND' }];
  if (request.method === 'POST' && verb === 'sign') {
    const digest = Buffer.from(String(body?.digest), 'base64');
    if (body.algorithm !== key.algorithm || digest.length !== 32) return [400, { error: 'INVALID_ARGUMENT' }];
    return [200, { signature: keys.sign(name, digest).toString('base64') }];
  }
  if (request.method !== 'DELETE' || verb !== undefined) return [405, { error: 'METHOD_NOT_ALLOWED' }];
  keys.destroy(name);
  return [200, {}];
};

function mayAsk(request, token) {
  if (token === undefined) return true;
  const hashed = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hashed(request.headers.authorization ?? ''), hashed(`Bearer ${token}`));
}

/** Reads a request of a few lines, answers it, and never answers two of one connection at once. */
function listener(answer) {
  return async (request, response) => {
    const reply = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    try {
      let text = '';
      for await (const chunk of request) if ((text += chunk).length > MAX_BODY_BYTES) return reply(413, { error: 'TOO_LARGE' });
      reply(...(await answer(request, text === '' ? undefined : JSON.parse(text))));
    } catch {
      reply(400, { error: 'INVALID_ARGUMENT' });
    }
  };
}

function main() {
  const names = ['socket', 'port', 'token-file', 'keys', 'cert', 'key', 'client-ca'];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
  const tokenFile = values['token-file'];
  const token = () => (tokenFile === undefined ? undefined : fs.readFileSync(tokenFile, 'utf8').trim());
  const answer = listener(answerer(new Keys(values.keys), token));
  const read = (name) => (values[name] === undefined ? undefined : fs.readFileSync(values[name]));
  const tls = { cert: read('cert'), key: read('key'), ca: read('client-ca'), requestCert: 'client-ca' in values };
  const server = values.cert === undefined ? http.createServer(answer) : https.createServer({ ...tls, rejectUnauthorized: true }, answer);
  if (values.socket !== undefined) fs.rmSync(values.socket, { force: true });
  server.listen(values.socket ?? { host: '127.0.0.1', port: Number(values.port ?? 0) }, () => {
    if (values.socket !== undefined) fs.chmodSync(values.socket, 0o660);
    console.log(JSON.stringify(server.address()));
  });
}

module.exports = { Keys, answerer, listener };
if (require.main === module) main();
