import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, realpathSync, truncateSync } from 'node:fs';
import path from 'node:path';
import type { AttackCase, Obtained } from '../attack-case';
import type { Field } from '../field';
import { ASKS_WHO_SERVES, NO_SIZE_LIMIT } from '../guards';
import { trustedIsRefused } from '../won';

const HUGE_BYTES = 5 * 1024 ** 3;

/** Whether the node reads 5 GiB, of a sparse file that costs its maker nothing, because a process asks to be looked at. */
async function huge(field: Field): Promise<readonly Obtained[]> {
  const file = path.join(field.folder, 'huge');
  copyFileSync(realpathSync(field.programs.sleeper), file);
  truncateSync(file, HUGE_BYTES);
  chmodSync(file, 0o755);
  const child = field.start(file, ['60']);
  try {
    await new Promise((resolve) => child.once('spawn', resolve));
    const { facts, gaps } = await attested(field, child.pid!);
    if (facts.some(({ selector }) => selector === 'binary.sha256')) return [{ kind: 'deed', what: 'was hashed' }];
    return [{ kind: 'refused', code: gaps.join(' ') }];
  } finally {
    child.kill('SIGKILL');
  }
}

interface Attested {
  readonly facts: readonly { readonly selector: string }[];
  readonly gaps: readonly string[];
}

const PATIENCE_MS = 60_000;

/** What the node says of a process. While it hashes it may not answer in time, so it is asked again. */
async function attested(field: Field, pid: number): Promise<Attested> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const { code, stdout, stderr } = await field.ours.mandate(['who', String(pid), '-o', 'json']);
    if (code === 0) return JSON.parse(stdout) as Attested;
    if (Date.now() > end) throw new Error(`who: ${stdout}${stderr}`);
  }
}

/** Whether a launch can be made to wait for ever, by a program that is a FIFO. */
async function fifo(field: Field): Promise<readonly Obtained[]> {
  const file = path.join(field.folder, 'fifo');
  spawnSync('mkfifo', ['-m', '777', file]);
  const child = field.start(field.ours.program, ['run', '-o', 'json', '--', file]);
  let said = '';
  for (const output of [child.stdout!, child.stderr!]) output.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin!.end();
  await new Promise((resolve) => child.once('close', resolve));
  return [{ kind: 'refused', code: /E_[A-Z_]+/.exec(said)?.[0] ?? said }];
}

/** What a program is may be costly to find out, and who is asked pays for it. */
export const hashing: readonly AttackCase[] = [
  { name: 'a program of 5 GiB', needs: ['ours'], withoutGuard: { patches: [NO_SIZE_LIMIT] }, attack: huge },
  { name: 'a program that is a FIFO', needs: ['ours'], attack: fifo },
  {
    name: 'a program whose file system stops answering',
    needs: ['root'],
    won: trustedIsRefused,
    withoutGuard: { patches: [ASKS_WHO_SERVES] },
    attack: (field) => field.attack('unanswered.py', ['serve', String(field.parts.account?.uid ?? 0)], { hand: 'root' }),
  },
  {
    name: 'hash flood: forty programs beside an honest one',
    won: trustedIsRefused,
    attack: (field) => field.attack('flood.py', ['many']),
  },
];
