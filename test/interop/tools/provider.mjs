// SPIRE's OIDC discovery provider, which serves the keys of our JWT bundle: its own socket is asked, as a proxy in front of it would.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { same } from '../results.mjs';
import { jsonAt } from '../web.mjs';

const AUDIENCE = 'https://cloud.example';
const SEEN_MS = 60_000;

const BUNDLES_ALONE = 'the provider asks for JWT bundles alone';
export const PROVIDER_DECLINES = {
  firstFetch: BUNDLES_ALONE,
  rotation: BUNDLES_ALONE,
  secondIdentity: BUNDLES_ALONE,
  neverShared: BUNDLES_ALONE,
  allRemoved: 'the provider serves the last keys that it saw, whatever its own standing',
  federation: 'the provider serves the keys of one trust domain',
  serverKilled: 'the provider asks anew every second and keeps no stream',
};

export class Provider {
  #watcher;
  #socket;

  /** `issuer` is that of the installation, whose own documents `caFile` vouches for. */
  constructor(trial, mandate, { program }, issuer, caFile) {
    Object.assign(this, { trial, mandate, program, issuer, caFile });
    this.#socket = path.join(mandate.folder, 'oidc.sock');
  }

  /** Outside every launch, so that its rule can come later. */
  start() {
    const config = path.join(this.mandate.folder, 'provider.conf');
    writeFileSync(
      config,
      `log_level = "error"
domains = ["localhost"]
jwt_issuer = "${this.issuer}"
listen_socket_path = "${this.#socket}"
workload_api {
  socket_path = "${this.mandate.workloadApi.replace('unix://', '')}"
  trust_domain = "${this.mandate.trustDomain}"
  poll_interval = "1s"
}
`,
    );
    this.#watcher = this.trial.start('oidc-provider', [this.program, '-config', config], this.mandate);
  }

  #get(url) {
    return new Promise((resolve, reject) => {
      const asking = request({ socketPath: this.#socket, path: url, headers: { host: 'localhost' }, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      });
      asking.on('error', reject).end();
    });
  }

  /** Asks until the answer satisfies `wanted`: nothing tells when the provider has asked us again. */
  async #until(url, what, wanted) {
    const deadline = Date.now() + SEEN_MS;
    for (; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      if (this.#watcher.ended !== undefined) throw new Error(`oidc-provider ended: ${this.#watcher.ended}`);
      const answer = await this.#get(url).catch((error) => ({ status: 0, text: error.message }));
      if (await wanted(answer)) return answer;
      const last = `${answer.status} ${answer.text.slice(0, 300)}`;
      if (Date.now() > deadline) throw new Error(`oidc-provider: ${what}: not seen, but ${last}`);
    }
  }

  /** The keys that it serves, once there are that many and they are those that we serve; `alg` and `use` are ours alone. */
  async sameKeys(count) {
    const essence = (keys) => keys.map(({ kid, kty, crv, x, y }) => JSON.stringify({ kid, kty, crv, x, y })).sort();
    const { text } = await this.#until('/keys', `the ${count} keys that we serve`, async ({ status, text: body }) => {
      const { keys: ours } = await jsonAt(`${this.issuer}/.well-known/jwks.json`, this.caFile).catch(() => ({ keys: [] }));
      return status === 200 && ours.length === count && JSON.stringify(essence(JSON.parse(body).keys)) === JSON.stringify(essence(ours));
    });
    return JSON.parse(text);
  }

  async beforeAnyRule() {
    await this.#until('/keys', 'no keys before the rule', ({ status }) => status === 500);
    const program = createHash('sha256').update(readFileSync(this.program)).digest('hex');
    await this.mandate.rule('provider', { match: `  binary.sha256: ${program}`, id: '/provider' });
    await this.sameKeys(1);
  }

  async verified(keys) {
    const token = await this.mandate.token('id-token', AUDIENCE);
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { audience: AUDIENCE, issuer: this.issuer });
    same(payload.sub, this.mandate.agentId, 'subject');
    return token;
  }

  /** Discovery as a relying party follows it, and an ID token of ours. */
  async tokens() {
    const { text } = await this.#until('/.well-known/openid-configuration', 'discovery', ({ status }) => status === 200);
    const { issuer, jwks_uri: keys } = JSON.parse(text);
    same([issuer, keys], [this.issuer, `${this.issuer}/keys`], 'issuer and keys');
    await this.verified(await this.sameKeys(1));
  }

  /** Taints the signing authority: another one signs, both are served; then the tainted one is gone, and what it signed with it. */
  async twoRoots() {
    const before = await this.verified(await this.sameKeys(1));
    const { kid } = JSON.parse(Buffer.from(before.split('.')[0], 'base64url').toString());
    await this.mandate.mandate('ca', 'taint', kid, '-y');
    await this.verified(await this.sameKeys(2));
    await this.mandate.mandate('ca', 'revoke', kid, '-y');
    const keys = await this.sameKeys(1);
    await this.verified(keys);
    const old = await jwtVerify(before, createLocalJWKSet(keys), { audience: AUDIENCE }).catch(({ code }) => code);
    same(old, 'ERR_JWKS_NO_MATCHING_KEY', 'a token of the authority that is gone');
  }

  /** A change of authorities needs a node that is told of it. */
  async #prepared() {
    for (const deadline = Date.now() + SEEN_MS; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const failure = await this.mandate.mandate('ca', 'prepare', 'jwt').then(
        () => undefined,
        (error) => error,
      );
      if (failure === undefined) return;
      if (!failure.message.includes('E_NODE_DOWN') || Date.now() > deadline) throw failure;
    }
  }

  /** A key that came after the break reaches it over a connection of its own making. */
  async servesAfter(change) {
    await change();
    await this.#prepared();
    await this.sameKeys(2);
    const { authorities } = await this.mandate.json('ca', 'show');
    const { keyId } = authorities.find(({ kind, stage }) => kind === 'jwt' && stage === 'prepared');
    await this.mandate.mandate('ca', 'revoke', keyId, '-y');
    await this.sameKeys(1);
  }
}
