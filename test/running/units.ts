import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installedFiles, type Service, TMPFILES } from '../../src/domain/units';
import { until } from '../supervision/until';
import { underFilter } from './system-call-filter';
import { groupsOf, noGroups } from './control-groups';
import { Installation, ROOT } from './installation';

const MAIN = path.join(ROOT, 'dist/src/main.js');
const KEEPER = path.join(__dirname, 'socket-keeper.py');
const STATE = '/var/lib/mandate';
const RUN = '/run/mandate';

/** Where the units' own words are carried out on a machine whose systemd does not run. */
const FILES = new Map(
  installedFiles({ node: process.execPath, main: MAIN }).map(({ path: at, text }) => [path.basename(at), { at, text }]),
);
const tmpfiles = [...FILES.values()].find(({ at }) => at === TMPFILES)!.text;

/** What the unit says under a name, once for each line. */
export const said = (service: Service, name: string): string[] =>
  FILES.get(service)!
    .text.split('\n')
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));

/** The accounts of an installation, drawn by its setup: tests make none on the machine. */
interface Ids {
  readonly [account: string]: { readonly uid: number; readonly gid: number };
}

/**
 * An installation whose parts are started as their units say: command line, user, group, capabilities, credentials, folders and, where
 * it can be done, system calls are read from the files that `mandate install` writes. Each has mounts of its own, as under systemd.
 */
export class UnitParts {
  #ids: Ids = { root: { uid: 0, gid: 0 } };
  #server: ChildProcess | undefined;
  #keeper: ChildProcess | undefined;
  /** Output of everything that was started. */
  output = '';
  #parts: ChildProcess[] = [];
  readonly nodePids: number[] = [];
  /** `NAME:FILE`, as lines `LoadCredential=` of a drop-in for the server. */
  serverCredentials: readonly string[] = [];

  constructor(private readonly of: Installation) {}

  async up(): Promise<void> {
    this.#folders(['root']);
    await this.#finished('mandate-setup.service');
    const { accounts } = JSON.parse(readFileSync(`${this.of.state}/installation.json`, 'utf8')) as {
      accounts: { server: Ids[string]; database: Ids[string] };
    };
    this.#ids = { root: { uid: 0, gid: 0 }, mandate: accounts.server, 'mandate-db': accounts.database };
    this.#folders(['root', 'mandate', 'mandate-db']);
    this.#delegate();
    const database = this.startPart('mandate-db.service');
    await until('the database is ready', () => this.#databaseAnswers() || this.#ended('mandate-db.service', database));
    this.startPart('mandate-server.service');
    this.startNode();
    await this.becomesReady();
  }

  async becomesReady(): Promise<void> {
    await until(
      'the installation is ready',
      async () => {
        const { code, stdout } = await this.of.mandate(['status', '-o', 'json']);
        return code === 0 && (JSON.parse(stdout) as { ready: boolean }).ready;
      },
      60_000,
    );
  }

  startPart(service: Service): ChildProcess {
    const [program, ...args] = this.#asUnit(service);
    const child = this.#heard(program!, args, service);
    if (service === 'mandate-server.service') this.#server = child;
    return child;
  }

  startNode(): void {
    const socket = `${this.of.state}/run/agent/agent.sock`;
    this.#keeper = this.#heard('/usr/bin/python3', [KEEPER, socket, ...this.#asUnit('mandate-node.service')], 'mandate-node.service');
    this.#keeper.stdout!.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n')) if (/^\d+$/.test(line)) this.nodePids.push(Number(line));
    });
  }

  /** The process of a part that runs now. */
  pidOf(part: 'server' | 'node'): number {
    return part === 'node' ? this.nodePids.at(-1)! : this.#server!.pid!;
  }

  /** SIGUSR1 kills the node; between two SIGUSR2 it is not started again. */
  tellKeeper(signal: NodeJS.Signals): void {
    this.#keeper!.kill(signal);
  }

  async down(): Promise<void> {
    for (const child of [...this.#parts].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
  }

  /** What systemd does for mandate-launches.service: a control group in which uid 0 needs no capability. */
  #delegate(): void {
    if (noGroups === undefined) groupsOf(this.of.state);
  }

  /** A unit's command line under its account, with its capabilities and credentials, by setpriv(1). */
  #asUnit(service: Service): string[] {
    const user = this.#ids[said(service, 'User')[0] ?? 'root']!;
    const group = said(service, 'Group')[0];
    const gid = group === undefined ? user.gid : this.#ids[group]!.gid;
    const capabilities = (said(service, 'CapabilityBoundingSet')[0] ?? '').split(' ').filter((name) => name !== '');
    const bounding = ['-all', ...capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)].join(',');
    return [
      ...this.#mounts(service),
      '/usr/bin/setpriv',
      ...['--reuid', String(user.uid), '--regid', String(gid), '--clear-groups'],
      ...['--bounding-set', bounding, '--inh-caps', '-all', '--no-new-privs'],
      ...underFilter(said(service, 'SystemCallFilter')),
      '/usr/bin/env',
      // What systemd would not pass on; its word about the socket stays.
      ...['HOME', 'SPIFFE_ENDPOINT_SOCKET', 'MANDATE_CONFIG'].flatMap((name) => ['-u', name]),
      ...(said(service, 'LoadCredential').length > 0 ? [`CREDENTIALS_DIRECTORY=${this.#credentials(service, user)}`] : []),
      ...said(service, 'ExecStart')[0]!.split(' '),
    ];
  }

  /** What PrivateMounts=, ProtectSystem= and ReadWritePaths= make: the mounts of the machine, in which little can be written. */
  #mounts(service: Service): string[] {
    const writable = said(service, 'ReadWritePaths').flatMap((line) => line.split(' ').map((at) => this.#mapped(at)));
    const hidden = said(service, 'ProtectHome').includes('yes') ? ['/home'] : [];
    const made = [
      ...writable.map((at) => `mount --bind ${at} ${at}`),
      ...hidden.map((at) => `mount -t tmpfs tmpfs ${at}`),
      'mount -o remount,bind,ro /',
      'exec "$@"',
    ].join(' && ');
    return ['/usr/bin/unshare', '--mount', '--propagation', 'slave', '/bin/sh', '-c', made, 'sh'];
  }

  #credentials(service: Service, { uid, gid }: Ids[string]): string {
    const folder = path.join(this.of.home, `credentials-${service}`);
    const own = service === 'mandate-server.service' ? this.serverCredentials : [];
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    for (const line of [...said(service, 'LoadCredential'), ...own]) {
      const [name, from] = line.split(':') as [string, string];
      const to = path.join(folder, name);
      copyFileSync(this.#mapped(from), to);
      chmodSync(to, 0o400);
      chownSync(to, uid, gid);
    }
    chownSync(folder, uid, gid);
    return folder;
  }

  /** What tmpfiles.d names of these accounts. */
  #folders(accounts: readonly string[]): void {
    for (const line of tmpfiles.split('\n')) {
      const [kind, at = '', mode = '', user = '', group = ''] = line.split(' ');
      if (!['d', 'f'].includes(kind!) || !accounts.includes(user) || !accounts.includes(group)) continue;
      const place = this.#mapped(at);
      if (kind === 'd') mkdirSync(place, { recursive: true });
      else writeFileSync(place, '', { flag: 'a' });
      chownSync(place, this.#ids[user]!.uid, this.#ids[group]!.gid);
      chmodSync(place, parseInt(mode, 8));
    }
  }

  #mapped(at: string): string {
    return at.replace(RUN, `${this.of.state}/run`).replace(STATE, this.of.state);
  }

  #heard(program: string, args: readonly string[], what: string): ChildProcess {
    const child = this.of.spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    for (const output of [child.stdout!, child.stderr!])
      output.on('data', (chunk: Buffer) => (this.output += `${what}: ${chunk.toString()}`));
    this.#parts.push(child);
    return child;
  }

  async #finished(service: Service): Promise<void> {
    const child = this.startPart(service);
    await new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode !== 0) throw new Error(this.output);
  }

  /** Throws what a part said that is to run and does not. */
  #ended(what: string, child: ChildProcess): false {
    if (child.exitCode === null && child.signalCode === null) return false;
    throw new Error(`${what} ended: ${this.output.slice(-4000)}`);
  }

  #databaseAnswers(): boolean {
    try {
      return readFileSync(`${this.of.state}/database/data/postmaster.pid`, 'utf8').split('\n')[7]?.trim() === 'ready';
    } catch {
      return false; // not there yet
    }
  }
}

/** An installation whose parts run as their units say. */
export class Units extends Installation {
  readonly parts = new UnitParts(this);

  override up(): Promise<void> {
    return this.parts.up();
  }

  override down(): Promise<void> {
    return this.parts.down();
  }
}
