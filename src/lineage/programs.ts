import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';

/** The uid and gid PostgreSQL runs under when we are root. */
export interface DatabaseAccount {
  readonly uid: number;
  readonly gid: number;
}

interface SpawnOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not even be started. */
  readonly error: NodeJS.ErrnoException | undefined;
}

const MAX_OUTPUT = 64 * 1024;
/** Nothing of our own environment reaches PostgreSQL. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * How PostgreSQL's programs are started: under the database's uid first, and only then, where that uid has no account, in a user
 * namespace that shows it as `nobody`, because initdb insists on a name. No capability is gained on the way: the uid is dropped before.
 */
export class Programs {
  readonly #prefix: readonly string[];

  constructor(
    readonly bin: string,
    readonly as: DatabaseAccount | undefined,
  ) {
    this.#prefix = hasAccount(as?.uid) ? [] : ['unshare', '--user', '--map-user=65534', '--map-group=65534'];
  }

  /** Command, arguments and spawn options for one of PostgreSQL's programs. */
  command(program: string, args: readonly string[]): { file: string; args: string[]; options: SpawnOptions } {
    const [file, ...rest] = [...this.#prefix, path.join(this.bin, program), ...args];
    return { file: file as string, args: rest, options: { ...this.as, cwd: '/', env: ENVIRONMENT } };
  }

  /**
   * The same for a server that is to end with us, however we end: the kernel sends it `signal` when we are gone. It is asked for after the
   * user namespace is entered, which would undo it.
   */
  daemon(program: string, args: readonly string[], signal: 'INT'): ReturnType<Programs['command']> {
    const { file, args: rest, options } = this.command(program, args);
    const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
    if (setpriv === undefined) return { file, args: rest, options }; // the next start ends what was left (leftover.ts)
    const [first, ...others] = [...this.#prefix, setpriv, '--pdeathsig', signal, ...[file, ...rest].slice(this.#prefix.length)];
    return { file: first as string, args: others, options };
  }

  /** Runs a program to its end. Never throws. */
  run(program: string, args: readonly string[], input = ''): Promise<Finished> {
    const { file, args: list, options } = this.command(program, args);
    return finish(file, list, options, input);
  }
}

/** False where the account cannot enter the folder, because of its mode or of a folder above it. */
export async function canEnter(folder: string, as: DatabaseAccount): Promise<boolean> {
  // Not by the spawn's own cwd: that is entered before the uid is dropped.
  return (await finish('/bin/sh', ['-c', 'cd "$0"', folder], { ...as, cwd: '/', env: ENVIRONMENT }, '')).code === 0;
}

function finish(file: string, args: readonly string[], options: SpawnOptions, input: string): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...options, stdio: 'pipe' });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(-MAX_OUTPUT);
      });
    }
    child.on('error', (error) => resolve({ code: null, ...output, error }));
    child.on('close', (code) => resolve({ code, ...output, error: undefined }));
    child.stdin.on('error', () => undefined); // it ended before it read everything; its exit status says so
    child.stdin.end(input);
  });
}

function hasAccount(uid: number | undefined): boolean {
  if (uid === undefined) {
    try {
      userInfo();
      return true;
    } catch {
      return false;
    }
  }
  const known = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .some((line) => line.split(':')[2] === String(uid));
  // Accounts may also come from elsewhere (LDAP, systemd); getent asks all sources.
  return known || spawnSync('getent', ['passwd', String(uid)], { env: ENVIRONMENT, stdio: 'ignore' }).status === 0;
}
