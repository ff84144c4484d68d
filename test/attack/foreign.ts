import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { anOrdinaryAccount } from './ordinary-account';
import { Field } from './field';
import { hashesOf, makePrograms, programsIn } from './programs';

/** Makes the trusted programs, and says what the issuer has to know of them. */
export function prepare(folder: string, say: (text: string) => void): void {
  const programs = makePrograms(path.resolve(folder));
  const hashes = hashesOf(programs);
  Object.values(programs).forEach((file: string, index) => say(`${hashes[index]!}  ${file}`));
}

export interface ForeignOptions {
  /** `unix:///path` of a Workload API. */
  readonly socket: string;
  /** The folder that `--prepare` made. */
  readonly programs: string;
  /** The SPIFFE ID that the programs in it are given. */
  readonly identity: string;
  readonly seed: string;
}

/** The Workload API of somebody else. Its verdicts are shown; what it has to defeat is not for us to say. */
export function foreignField({ socket, programs, identity, seed }: ForeignOptions): Field {
  if (!identity.startsWith('spiffe://') || programs === '') throw new Error('--socket needs --programs FOLDER and --identity spiffe://…');
  const folder = mkdtempSync(path.join(tmpdir(), 'attack-'));
  chmodSync(folder, 0o777);
  return new Field({
    mode: 'foreign',
    socket: socket.replace(/^unix:(\/\/)?/, ''),
    prize: identity,
    programs: programsIn(path.resolve(programs)),
    account: process.getuid?.() === 0 ? anOrdinaryAccount() : undefined,
    seed,
    folder,
    spawn: (program, args, { env, uid, gid, cwd, stdio }) =>
      spawn(program, [...args], {
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8', ...env },
        detached: true,
        ...(uid !== undefined && { uid, gid: gid ?? uid }),
        ...(cwd !== undefined && { cwd }),
        stdio: stdio ?? 'pipe',
      }),
    ours: undefined,
  });
}
