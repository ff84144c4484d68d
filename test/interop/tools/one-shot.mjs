// What the tools do once and end: files and tokens, judged by openssl, jose and the tool that made them.
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { opensslVerifies } from '../documents.mjs';
import { same } from '../results.mjs';
import { ToolWatcher } from './crew.mjs';
import { spiffeHelperLines } from './lines.mjs';

const AUDIENCES = ['https://git.example', 'https://db.example', 'urn:third'];
const ONCE_MS = 60_000;

/** Runs a command as an agent to its end: {code, stdout, stderr}. */
export function ranAsAgent(mandate, name, command) {
  const [program, ...args] = mandate.launch(name, command);
  const env = { ...mandate.env(), SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi, TMPDIR: mandate.folder };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: ONCE_MS }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

async function succeeded(...args) {
  const { code, stdout, stderr } = await ranAsAgent(...args);
  same(code, 0, `${args[1]}: ${stderr}${stdout}`);
  return stdout;
}

/** Leaf, key and bundle in files: one another's, of nobody else's reading, and openssl's opinion as well. */
async function filesHold(mandate, folder, [leafName, keyName, bundleName]) {
  const file = (name) => path.join(folder, name);
  const leaf = new X509Certificate(readFileSync(file(leafName)));
  same(leaf.subjectAltName, `URI:${mandate.agentId}`, 'identity in the file');
  same(leaf.checkPrivateKey(createPrivateKey(readFileSync(file(keyName)))), true, 'the key is that of the leaf');
  same(statSync(file(keyName)).mode & 0o077, 0, 'others may read the key');
  return opensslVerifies(mandate, file(bundleName), leaf.raw.toString('base64'));
}

/** A token of one audience and one of three, verified by jose with the keys of the JWT bundle that the tool was given. */
async function tokensHold(mandate, one, three, bundle) {
  // jose takes no key whose use is not `sig`.
  const keys = createLocalJWKSet({ keys: bundle.keys.map(({ use: _use, ...key }) => key) });
  for (const [token, audiences] of [
    [one, AUDIENCES.slice(0, 1)],
    [three, AUDIENCES],
  ]) {
    same([decodeJwt(token).aud].flat().sort(), [...audiences].sort(), 'audiences');
    for (const audience of audiences) {
      const { payload } = await jwtVerify(token, keys, { audience });
      same(payload.sub, mandate.agentId, 'subject');
    }
  }
}

/** A command of `spire-agent api`, such as `fetch x509`. */
const api = (mandate, program, verb, object, ...args) => {
  return [program, 'api', verb, object, '-socketPath', mandate.workloadApi.replace('unix://', ''), ...args];
};

/** `api fetch x509` verifies what it was given before it prints it. */
export const spireAgentVerifies = (program) => (mandate) => {
  return succeeded(mandate, 'spire-agent-verified', api(mandate, program, 'fetch', 'x509'));
};

export function spireAgentOnce(mandate, { program }, firstUpdate) {
  const ask = (name, ...args) => succeeded(mandate, `spire-agent-${name}`, api(mandate, program, ...args));
  return {
    async firstFetch() {
      const folder = path.join(mandate.folder, 'spire-agent-once');
      mkdirSync(folder);
      await ask('x509', 'fetch', 'x509', '-silent', '-write', folder);
      const openssl = await filesHold(mandate, folder, ['svid.0.pem', 'svid.0.key', 'bundle.0.pem']);
      same(
        (await firstUpdate()).svids.map(({ id }) => id),
        [mandate.agentId],
        'what a watch begins with',
      );
      return openssl;
    },
    async jwt() {
      const asked = async (name, audiences) => {
        const [{ svids }, { bundles }] = JSON.parse(await ask(name, 'fetch', 'jwt', '-output', 'json', '-audience', audiences.join()));
        same(svids.length, 1, 'tokens');
        return { token: svids[0].svid, bundles };
      };
      const one = await asked('one', AUDIENCES.slice(0, 1));
      const three = await asked('three', AUDIENCES);
      const keys = JSON.parse(Buffer.from(one.bundles[`spiffe://${mandate.trustDomain}`], 'base64').toString());
      await tokensHold(mandate, one.token, three.token, keys);
      const valid = await ask('validated', 'validate', 'jwt', '-audience', AUDIENCES[2], '-svid', three.token);
      same(/SPIFFE ID : (.*)/.exec(valid)?.[1], mandate.agentId, 'what `validate jwt` says');
      const other = api(mandate, program, 'validate', 'jwt', '-audience', 'somebody-else', '-svid', one.token);
      const { code, stderr } = await ranAsAgent(mandate, 'spire-agent-other', other);
      same([code, stderr.includes('SVID is not valid')], [1, true], `another audience: ${stderr}`);
    },
  };
}

/** Its one-shot mode forgets the further audiences of a token, so tokens are those of a process that keeps them. */
export function spiffeHelperOnce(mandate, { command }, firstUpdate, trial) {
  const folderOf = (name) => {
    const folder = path.join(mandate.folder, name);
    mkdirSync(folder);
    return folder;
  };
  const tokens = folderOf('spiffe-helper-tokens');
  const keeping = [...command, 'tokens', tokens, ...AUDIENCES];
  trial.start('spiffe-helper tokens', mandate.launch('spiffe-helper-tokens', keeping), mandate, {}, ToolWatcher.reading(spiffeHelperLines));
  const file = (name) => readFileSync(path.join(tokens, name), 'utf8').trim();
  /** The token for three audiences, once it is there and another one than before; nothing tells when it is written. */
  const written = async (before) => {
    for (const deadline = Date.now() + ONCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const there = ['bundle.json', 'one.jwt', 'three.jwt'].every((name) => existsSync(path.join(tokens, name)));
      const three = there ? file('three.jwt') : '';
      if (three.split('.').length === 3 && three !== before) return three;
      if (Date.now() > deadline) throw new Error(`no ${before === undefined ? 'first' : 'fresh'} token for three audiences in ${tokens}`);
    }
  };
  const hold = (three) => {
    const keys = JSON.parse(Buffer.from(JSON.parse(file('bundle.json'))[mandate.trustDomain] ?? '', 'base64').toString());
    return tokensHold(mandate, file('one.jwt'), three, keys);
  };
  return {
    async firstFetch() {
      const folder = folderOf('spiffe-helper-once');
      await succeeded(mandate, 'spiffe-helper-once', [...command, 'once', folder]);
      const openssl = await filesHold(mandate, folder, ['svid.pem', 'svid_key.pem', 'bundle.pem']);
      same(
        (await firstUpdate()).svids.map(({ id }) => id),
        [mandate.agentId],
        'what a watch begins with',
      );
      return openssl;
    },
    async jwt() {
      const first = await written();
      await hold(first);
      await hold(await written(first));
      return 'and a fresh one in time';
    },
  };
}
