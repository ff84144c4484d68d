// One installation of Mandate in a folder of its own, driven by its command line alone.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

const program = path.resolve(import.meta.dirname, '../../bin/mandate');
const START_MS = 90_000;
const ANSWER_MS = 60_000;

export class Mandate {
  #up;
  #rules = new Map();
  #removed = false;
  folder;

  /** `settings(folder)` are for its mandate.yaml; the folder is that of the installation. */
  constructor(settings = () => ({})) {
    // Short: socket paths are bounded. Passable: as root the issuer's parts run under uids of their own.
    this.folder = mkdtempSync(path.join(tmpdir(), 'mi-'));
    chmodSync(this.folder, 0o711);
    this.state = path.join(this.folder, 's');
    // No terminal here: who runs it says beforehand that scripts administer.
    this.config = path.join(this.folder, 'mandate.yaml');
    // Successors take over within seconds, so that a hand-over can be waited for.
    const always = { admin: { allow_scripted: true }, authorities: { propagation: '2s' }, bundle: { refresh_hint: '1s' } };
    writeFileSync(this.config, JSON.stringify({ ...always, ...settings(this.folder) }));
  }

  /** Starts `mandate up` and returns when it says Ready. */
  async up() {
    // An interrupted run must not start what its end has just taken down.
    if (this.#removed) throw new Error('the run is over');
    const child = spawn(program, ['up', '--state', this.state, '--config', this.config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.env(),
    });
    this.#up = child;
    let text = '';
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`up was not ready in time:\n${text}`)), START_MS);
      const heard = (chunk) => {
        text += chunk;
        if (/^Ready/m.test(text)) resolve();
      };
      child.stdout.setEncoding('utf8').on('data', heard);
      child.stderr.setEncoding('utf8').on('data', heard);
      child.once('exit', (code, signal) => reject(new Error(`up ended (${signal ?? code}):\n${text}`)));
      child.once('error', reject);
      child.once('exit', () => clearTimeout(late));
      this.ready = () => clearTimeout(late);
    }).finally(() => this.ready());
    const { trustDomain, workloadApi, bundleUrl } = await this.json('status');
    Object.assign(this, { trustDomain, workloadApi, bundleUrl });
  }

  /** Ends it by its own command and waits until nothing of it runs. */
  async down() {
    const child = this.#up;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await this.mandate('down').catch(() => child.kill('SIGTERM'));
    await ended;
  }

  async remove() {
    this.#removed = true;
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Pid of one part, as `status` tells it now. */
  async pid(name) {
    const { parts } = await this.json('status');
    return parts.find((part) => part.name === name).pid;
  }

  async json(...args) {
    return JSON.parse(await this.mandate(...args, '-o', 'json'));
  }

  mandate(...args) {
    return this.#output([program, ...args, '--state', this.state], `mandate ${args.join(' ')}`);
  }

  #output([command, ...args], what) {
    return new Promise((resolve, reject) => {
      execFile(command, args, { env: this.env(), timeout: ANSWER_MS }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${what} failed (${error.code ?? error.signal}): ${stderr}${stdout}`));
        else resolve(stdout);
      });
    });
  }

  /** The command line that starts `command` as an agent. */
  launch(name, command) {
    return [program, 'run', '--state', this.state, '--name', name, '--', ...command];
  }

  /** A JWT-SVID as an agent of this name has it. */
  async token(name, audience) {
    const command = [program, 'svid', '--jwt', '--audience', audience, '--state', this.state];
    return (await this.#output(this.launch(name, command), 'mandate svid --jwt')).trim();
  }

  env() {
    const { SPIFFE_ENDPOINT_SOCKET: _inherited, MANDATE_STATE: _state, ...env } = process.env;
    return env;
  }

  /** Applies one rule; X509-SVIDs of 20 s rotate after about ten. */
  async rule(name, { match = '  launch.id: "*"', id, priority = 0, disabled = false, federates = [] }) {
    const file = path.join(this.folder, `${name}.yaml`);
    const text = `apiVersion: mandate/v1
kind: Rule
name: ${name}
priority: ${priority}
disabled: ${disabled}
match:
${match}
issue:
  id: ${id}
  x509: { ttl: 20s }
  jwt: { ttl: 30s, audiences: "*" }
${federates.length > 0 ? `  federates_with: [${federates.join(', ')}]\n` : ''}`;
    this.#rules.set(name, { match, id, priority, federates });
    writeFileSync(file, text);
    await this.mandate('rules', 'apply', file);
  }

  /** Applies a rule of before with other trust domains that its agents may know. */
  federate(name, federates) {
    return this.rule(name, { ...this.#rules.get(name), federates });
  }

  disable(name) {
    return this.rule(name, { ...this.#rules.get(name), disabled: true });
  }

  enable(name) {
    return this.rule(name, { ...this.#rules.get(name), disabled: false });
  }

  /** The SPIFFE ID a launched process of ours must get. */
  get agentId() {
    return `spiffe://${this.trustDomain}/agent/${userInfo().username}`;
  }

  /** True while a socket of it is there. */
  get listening() {
    return existsSync(this.workloadApi.replace('unix://', ''));
  }
}
