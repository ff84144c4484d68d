// One Envoy, the spiffe-helper that keeps its files, and who calls it.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { connect } from 'node:tls';
import { bundleDocument } from '../documents.mjs';
import { freePort, listening } from '../ports.mjs';
import { same } from '../results.mjs';
import { ToolWatcher } from '../tools/crew.mjs';
import { spiffeHelperLines } from '../tools/lines.mjs';
import { envoyConfig, trust } from './config.mjs';

const CALL = path.resolve(import.meta.dirname, '../../../dist/examples/services/typescript/call.js');
const PARTNER_DOMAIN = 'partner.example';
const ROTATIONS = 3;
const SEEN_MS = 60_000;

export class Envoy {
  #process;
  #helper;
  #port;

  constructor(trial, mandate, folder, commands) {
    Object.assign(this, { trial, mandate, folder, commands });
  }

  #id = (name) => `spiffe://${this.mandate.trustDomain}/sample/${name}`;

  /** Tells Envoy the bundle of our trust domain as it is now, and those of others. */
  async #trust(others = {}) {
    trust(this.folder, { [this.mandate.trustDomain]: await bundleDocument(this.mandate), ...others });
  }

  async #start() {
    await this.mandate.rule('sample', { id: '/sample/{launch.name}', priority: 10 });
    await this.#trust();
    const helping = this.mandate.launch('service', [...this.commands.helper, 'watch', this.folder]);
    this.#helper = this.trial.start('spiffe-helper', helping, this.mandate, {}, ToolWatcher.reading(spiffeHelperLines));
    await this.#helper.until(({ event }) => event === 'x509', 0, 'its files');
    this.#port = await freePort();
    const welcome = [this.#id('caller'), `spiffe://${PARTNER_DOMAIN}/caller`];
    const config = ['-c', envoyConfig(this.folder, this.#port, welcome), '--disable-hot-restart', '--concurrency', '1', '-l', 'warning'];
    this.#process = this.trial.start('envoy', [...this.commands.envoy, ...config], this.mandate);
    await listening(this.#process, this.#port);
  }

  /** What the agent of this name gets for an answer, by its own SVID, from a server that has to be `/sample/service`; or `refused`. */
  #called(name) {
    const [program, ...args] = this.mandate.launch(name, [process.execPath, CALL, `https://localhost:${this.#port}`, this.#id('service')]);
    const env = { ...this.mandate.env(), SPIFFE_ENDPOINT_SOCKET: this.mandate.workloadApi };
    return new Promise((resolve) => {
      execFile(program, args, { env, timeout: SEEN_MS }, (_error, stdout, stderr) => {
        resolve(stderr.includes('refused:') ? 'refused' : stdout || stderr);
      });
    });
  }

  /** Calls until the answer is as wanted: nothing tells when Envoy has read its files again. */
  async #until(what, call, wanted) {
    for (const deadline = Date.now() + SEEN_MS; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      if (this.#process.ended !== undefined) throw new Error(`envoy ended: ${this.#process.ended}`);
      const answer = await call();
      if (wanted(answer)) return answer;
      if (Date.now() > deadline) throw new Error(`${what}: not seen, but ${JSON.stringify(answer)}`);
    }
  }

  /** Serial of the certificate that Envoy shows now, to whomever. */
  #serial() {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.#port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
        socket.destroy();
      }).on('error', reject);
    });
  }

  #freshSerial(known) {
    return this.#until(
      'another leaf',
      () => this.#serial(),
      (serial) => !known.includes(serial),
    );
  }

  async admitsOne() {
    await this.#start();
    same(await this.#called('caller'), 'hello\n', 'the answer to the agent it names');
    same(await this.#called('other'), 'refused', 'the answer to another agent');
  }

  async rotations() {
    const serials = [await this.#serial()];
    while (serials.length <= ROTATIONS) serials.push(await this.#freshSerial(serials));
    same(await this.#called('caller'), 'hello\n', 'the answer after rotations');
    return 'three new leaves, shown by the same process';
  }

  async twoRoots() {
    const { authorities } = await this.mandate.json('ca', 'show');
    const { keyId } = authorities.find(({ kind, stage }) => kind === 'x509' && stage === 'active');
    const known = [await this.#serial()];
    await this.mandate.mandate('ca', 'taint', keyId, '-y');
    await this.#freshSerial(known);
    // The caller has a leaf of the second root by now, which Envoy has not been told of.
    same(await this.#called('caller'), 'refused', 'a caller of a root that Envoy does not know');
    await this.#trust();
    await this.#until(
      'admitted by the second root',
      () => this.#called('caller'),
      (answer) => answer === 'hello\n',
    );
    await this.mandate.mandate('ca', 'revoke', keyId, '-y');
    await this.#trust();
    // A leaf that is moved there later is seen later: by then Envoy has the bundle with one root.
    await this.#freshSerial([await this.#serial()]);
    same(await this.#called('caller'), 'hello\n', 'the answer by the root that is left');
    same(await this.#called('other'), 'refused', 'the answer to another agent');
  }

  /** A workload of another trust domain with an SVID of its own; it is not asked to know Envoy's. */
  async federation() {
    const folder = path.join(this.mandate.folder, 'partner');
    mkdirSync(folder);
    const serving = this.trial.start('partner', [...this.commands.partner, 'serve', PARTNER_DOMAIN, folder, 'https_spiffe'], this.mandate);
    await serving.until(({ event }) => event === 'serving', 0, 'its files');
    const file = (name) => readFileSync(path.join(folder, name));
    const call = () =>
      new Promise((resolve) => {
        const tls = { cert: file('svid.pem'), key: file('svid_key.pem'), rejectUnauthorized: false, agent: false, family: 4 };
        request(`https://localhost:${this.#port}`, tls, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode));
        })
          .on('error', ({ message }) => resolve(message))
          .end();
      });
    same((await call()) === 200, false, 'a stranger was let in');
    await this.#trust({ [PARTNER_DOMAIN]: JSON.parse(file('bundle.json')) });
    await this.#until('the partner is admitted', call, (answer) => answer === 200);
    same(await this.#called('caller'), 'hello\n', 'the answer to the agent it names');
    await this.#trust();
    await this.#until('the partner is refused', call, (answer) => answer !== 200);
    await serving.end();
  }

  /** It goes on with the files it has, and shows a new leaf once what was broken is back. */
  async freshAfter(change) {
    const known = [await this.#serial()];
    await change();
    known.push(await this.#serial());
    await this.#freshSerial(known);
    same(await this.#called('caller'), 'hello\n', 'the answer afterwards');
  }
}
