import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Account, RunOptions } from '../running/installation';
import type { AttackCase, Mode, Obtained } from './attack-case';
import type { Programs } from './programs';
import { identityStolen, obtainedFrom } from './received';
import type { OurMandate } from './our-mandate';

const ATTACKERS = path.join(__dirname, 'attackers');
const PYTHON = '/usr/bin/python3';

/** What hangs is ended; nothing that comes to an end is judged by its time. */
const LIMIT_MS = 60_000;
const TRIAL_LIMIT_MS = 1_000;
/** The same on every machine, so that a seed draws the same delays on each. */
const LANES = 4;

/** Who carries out an attack: an ordinary account, a second one, or root. */
export type Hand = 'attacker' | 'other' | 'root';

export interface AttackOptions {
  readonly trials?: number;
  readonly hand?: Hand;
  /** The program that runs the attacker, instead of a Python that no rule knows. */
  readonly by?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it by `mandate run`, as an agent. */
  readonly launched?: true;
  /** For tries that know nothing of each other: shared by several attackers at once, each with delays of its own. */
  readonly lanes?: true;
  /** Against the programs that have to hold their connection alone. */
  readonly alone?: true;
}

export interface FieldParts {
  readonly mode: Mode;
  readonly socket: string;
  /** The SPIFFE ID that the trusted programs are given, and nobody else. */
  readonly prize: string;
  readonly programs: Programs;
  /** The same under a rule that requires them to hold their connection alone; undefined where there is none. */
  readonly alone?: Programs;
  /** The attackers' account; undefined where everything runs under the present one. */
  readonly account: Account | undefined;
  readonly seed: string;
  /** A folder that the attacker may write to. */
  readonly folder: string;
  readonly spawn: (program: string, args: readonly string[], options: RunOptions) => ChildProcess;
  readonly ours: OurMandate | undefined;
}

/** A second uid; it needs no account. */
export const OTHER_UID = 40_002;

/** Where attacks are carried out: a Workload API, programs that have an identity there, and accounts that have none. */
export class Field {
  constructor(readonly parts: FieldParts) {}

  get mode(): Mode {
    return this.parts.mode;
  }

  get programs(): Programs {
    return this.parts.programs;
  }

  get socket(): string {
    return this.parts.socket;
  }

  get folder(): string {
    return this.parts.folder;
  }

  /** The Mandate under attack. Only cases that need `ours` ask. */
  get ours(): OurMandate {
    if (!this.parts.ours) throw new Error('this case needs a Mandate of ours');
    return this.parts.ours;
  }

  /** True where that is what an attacker wants: the identity of the trusted programs, or something else that was not to be had. */
  isPrize(obtained: Obtained): boolean {
    return obtained.kind === 'deed' || (obtained.kind === 'identity' && obtained.spiffeIds.includes(this.parts.prize));
  }

  won(attack: AttackCase, obtained: Obtained): boolean {
    return attack.won ? attack.won(obtained, this) : this.isPrize(obtained);
  }

  get otherUid(): number {
    return OTHER_UID;
  }

  /** Where an attacker's program lies. */
  script(name: string): string {
    return path.join(ATTACKERS, name);
  }

  /** Starts a program as one of the hands. */
  start(program: string, args: readonly string[], { hand = 'attacker', env, launched, alone }: AttackOptions = {}): ChildProcess {
    const { spawn, ours } = this.parts;
    const [first, ...rest] = launched ? [ours!.program, 'run', '--name', 'attack', '--', program, ...args] : [program, ...args];
    return spawn(first, rest, {
      ...this.accountOf(hand),
      cwd: hand === 'other' ? path.join(this.folder, 'other') : this.folder,
      env: { ...this.environment(alone), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs an attacker and reads everything it obtained, one entry for each try. Throws where it said less than it was to try. */
  async attack(script: string, args: readonly string[] = [], options: AttackOptions = {}): Promise<readonly Obtained[]> {
    const { trials = 1, lanes, by = PYTHON } = options;
    const run = (share: number, env = options.env) =>
      this.run(by, [this.script(script), ...args], share, { ...options, ...(env && { env }) });
    if (lanes === undefined || trials < LANES) return run(trials);
    const shares = Array.from({ length: LANES }, (_, lane) => Math.floor((trials + lane) / LANES));
    const { seed } = this.parts;
    return (await Promise.all(shares.map((share, lane) => run(share, { ...options.env, ATTACK_SEED: `${seed}/${lane}` })))).flat();
  }

  /** Runs any program that speaks as the attackers do. */
  async run(program: string, args: readonly string[], trials: number, options: AttackOptions = {}): Promise<readonly Obtained[]> {
    const child = this.start(program, args, { ...options, env: { ATTACK_TRIALS: String(trials), ...options.env } });
    child.stdin!.end();
    const limit = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), LIMIT_MS + trials * TRIAL_LIMIT_MS);
    const { obtained, stderr } = await heard(child);
    clearTimeout(limit);
    if (obtained.length !== trials) throw new Error(`${program} ${args.join(' ')} said ${obtained.length} of ${trials}: ${stderr}`);
    return obtained;
  }

  /** Whether a program ends well in the attackers' hand; what it says is not read. */
  async succeeds(program: string, args: readonly string[]): Promise<boolean> {
    const child = this.start(program, args);
    child.stdin!.end();
    child.stdout!.resume();
    child.stderr!.resume();
    return (await new Promise<number | null>((resolve) => child.once('close', resolve))) === 0;
  }

  private accountOf(hand: Hand): Account {
    const { account } = this.parts;
    if (account === undefined || hand === 'root') return {};
    return hand === 'other' ? { uid: OTHER_UID, gid: OTHER_UID } : account;
  }

  private environment(alone?: true): Record<string, string> {
    const { socket, seed, account, folder, ours } = this.parts;
    const programs = alone ? this.parts.alone! : this.programs;
    return {
      HOME: folder,
      // Imported modules are not compiled into the tree of the sources.
      PYTHONDONTWRITEBYTECODE: '1',
      ATTACK_SOCKET: socket,
      ATTACK_SLEEPER: programs.sleeper,
      ATTACK_INTERPRETER: programs.interpreter,
      ATTACK_NODE: programs.node,
      ATTACK_SEED: seed,
      ATTACK_UID: String(account?.uid ?? process.getuid!()),
      ATTACK_OTHER_UID: String(OTHER_UID),
      ...ours?.told(),
    };
  }
}

interface Said {
  readonly received?: string;
  readonly hex?: string;
  readonly stolen?: string;
  readonly stream?: number;
  readonly deed?: string;
  readonly code?: string;
  readonly nothing?: string;
}

async function heard(child: ChildProcess): Promise<{ obtained: Obtained[]; stderr: string }> {
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  await new Promise((resolve) => child.once('close', resolve));
  const obtained: Obtained[] = [];
  for (const line of lines) obtained.push(await read(JSON.parse(line) as Said));
  return { obtained, stderr };
}

async function read({ received, hex, stolen, stream, deed, code, nothing }: Said): Promise<Obtained> {
  if (received !== undefined) return obtainedFrom(Buffer.from(received, 'base64'), stream ?? 1);
  if (hex !== undefined) return obtainedFrom(Buffer.from(hex, 'hex'), stream ?? 1);
  if (stolen !== undefined) return identityStolen(Buffer.from(stolen, 'hex'));
  if (deed !== undefined) return { kind: 'deed', what: deed };
  if (code !== undefined) return { kind: 'refused', code };
  return { kind: 'nothing', why: nothing ?? '' };
}
