import { chownSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Patch } from '../running/scratch';
import { scratchBuild } from '../running/scratch';
import { type Account, Installation, MANDATE } from '../running/installation';
import { childrenOf, commandLine } from '../supervision/proc';
import { Field, OTHER_UID } from './field';
import { hashesOf, makePrograms } from './programs';

export interface OurOptions {
  readonly mode: 'installed' | 'own user';
  /** The attackers' account, and Mandate's too in the mode `own user`; undefined where everything runs under the present one. */
  readonly account: Account | undefined;
  readonly seed: string;
  readonly patches?: readonly Patch[];
}

/** A Mandate of our own in a state folder of its own, with the rules that the attackers are after. */
export class OurMandate extends Installation {
  #build: string | undefined;

  override get program(): string {
    return this.#build === undefined ? MANDATE : path.join(this.#build, 'bin/mandate');
  }

  /** Starts it, from a copy of the build where patches are given, and makes a field of it. */
  static async field(
    this: new (account: Account | undefined) => OurMandate,
    { mode, account, seed, patches = [] }: OurOptions,
  ): Promise<Field> {
    const ours = new this(mode === 'own user' ? account : undefined);
    try {
      if (patches.length > 0) ours.#build = scratchBuild(...patches);
      await ours.up();
      return await ours.#arranged(mode, account, seed);
    } catch (error) {
      await ours.end();
      throw error;
    }
  }

  /** The process of a part. */
  part(name: 'server' | 'node'): number {
    const found = childrenOf(this.pid).find((pid) => commandLine(pid).includes(` internal-${name}`));
    if (found === undefined) throw new Error(`no ${name} below up`);
    return found;
  }

  /** What an attacker would find out by looking. */
  told(): Record<string, string> {
    return {
      ATTACK_MANDATE: this.program,
      ATTACK_STATE: this.state,
      ATTACK_SERVER_PID: String(this.part('server')),
      ATTACK_NODE_PID: String(this.part('node')),
      MANDATE_STATE: this.state,
    };
  }

  /** True where a trace says that the issuer is not separated from the agent of the newest SVID. */
  async marksNotSeparated(): Promise<boolean> {
    const [newest] = await this.query<{ serial: string }>(
      "SELECT replace(serial::text, '-', '') AS serial FROM credential WHERE kind = 'x509-svid' ORDER BY issued_at DESC LIMIT 1",
    );
    if (newest === undefined) return false;
    const { separated } = await this.json<{ separated?: boolean }>('trace', newest.serial);
    return separated === false;
  }

  override async end(): Promise<void> {
    await super.end();
    if (this.#build !== undefined) rmSync(path.dirname(this.#build), { recursive: true, force: true });
  }

  async #arranged(mode: OurOptions['mode'], account: Account | undefined, seed: string): Promise<Field> {
    const programs = makePrograms(path.join(this.home, 'programs'));
    const folder = path.join(this.home, 'attacker');
    mkdirSync(folder, { mode: 0o711 });
    if (account?.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid);
    const other = path.join(folder, 'other');
    mkdirSync(other);
    if (account !== undefined) chownSync(other, OTHER_UID, OTHER_UID);
    const uids = [account?.uid ?? process.getuid!(), ...(account === undefined ? [] : [OTHER_UID])].map(String);
    const alone = makePrograms(path.join(this.home, 'alone'));
    const trusted = { 'binary.sha256': hashesOf(programs) };
    await this.apply(
      { name: 'trusted', match: trusted, issue: { id: '/trusted' } },
      { name: 'intact', priority: -1, match: { ...trusted, 'integrity.foreign_code': false }, issue: { id: '/intact' } },
      { name: 'own-account', priority: -1, match: { ...trusted, 'user.uid': String(OTHER_UID) }, issue: { id: '/own-account' } },
      { name: 'alone', match: { 'binary.sha256': hashesOf(alone) }, require: { connection: 'sole' }, issue: { id: '/alone' } },
      { name: 'by-path', match: { 'binary.path': programs.sleeper, 'user.uid': uids }, issue: { id: '/by-path' } },
      { name: 'launched', match: { 'launch.id': '*' }, issue: { id: '/launched/{user}' } },
      { name: 'person', match: { 'launch.id': '*' }, require: { given: 'launched' }, issue: { id: '/person' } },
    );
    const { trustDomain } = await this.json<{ trustDomain: string }>('status');
    return new Field({
      mode,
      socket: `${this.state}/run/agent/agent.sock`,
      prize: `spiffe://${trustDomain}/trusted`,
      programs,
      alone,
      account,
      seed,
      folder,
      spawn: (program, args, options) => this.spawn(program, args, options),
      ours: this,
    });
  }
}
