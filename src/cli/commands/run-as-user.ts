import { constants } from 'node:os';
import { resolve } from 'node:path';
import { confinementWord, noDomain } from '../../domain/confinement';
import { MandateError } from '../../domain/errors';
import { keepsVariable } from '../../domain/own-uid-protocol';
import { listOption, textOption } from '../arguments';
import { keptEnvironment, nameOfVariable, withWorkloadApi } from '../kept-environment';
import { NO_DOMAIN } from '../no-domain';
import type { Launcher } from '../ports';
import { safe } from '../safe';
import type { CommandContext, Options } from '../specs/spec';
import type * as WorkloadClientModule from '../workload-client';
import { nameOf, taskOf } from './run-names';

const EXIT_BY_SIGNAL = 128;

export interface AsUser {
  /** Absolute. */
  readonly program: string;
  /** Operands: the name the program sees itself by, and its arguments. */
  readonly count: number;
  readonly socket: string;
  readonly launcher: Launcher;
}

/**
 * `mandate run --as-user`: has the node start the command under a uid of its own, and stays in its place in the shell: its exit status, its stops
 * and its terminal are ours to show. Returns the exit status of the command.
 */
export async function runAsUser(context: CommandContext, { program, count, socket, launcher }: AsUser, options: Options): Promise<number> {
  const { deps, out } = context;
  if (options['files'] !== undefined) throw new MandateError('E_USAGE', { saw: '--files with --as-user', fix: 'one of the two' });
  // Told before anything is opened, and while a node of our own user could still read us.
  if (launcher.ownerOf(socket) > 0)
    throw new MandateError('E_OWN_UID', { why: 'the node does not run as root', fix: 'run `mandate up` as root' });
  const given = launcher.asStarted();
  const { env, startedWith } = keptEnvironment(given.env);
  const named = listOption(options, 'env');
  const missing = named.find((name) => !env.some((entry) => nameOfVariable(entry) === name));
  if (missing !== undefined) throw new MandateError('E_USAGE', { saw: `--env ${missing.slice(0, 100)}`, why: 'there is no such variable' });
  const kept = env.filter((entry) => keepsVariable(nameOfVariable(entry), named));
  const base64 = (bytes: Buffer): string => bytes.toString('base64');
  // From here on we hold both ends of what the agent is led by: nobody else of this user may take them from us.
  launcher.closeToOthers();
  const attended = launcher.attend(resolve(deps.cwd, textOption(options, 'project') ?? '.'), {
    argv: given.argv.slice(-count).map(base64),
    env: withWorkloadApi(kept, `unix://${socket}`).map(base64),
    startedWith: startedWith ?? null,
  });
  const possible = options['confine'] === false ? noDomain('asked') : launcher.possibleConfinement();
  const { WorkloadClient } = require('../workload-client') as typeof WorkloadClientModule;
  const client = new WorkloadClient(socket, deps.clock);
  const begun = await client
    .begin({
      name: nameOf(options),
      task: taskOf(options),
      program,
      argumentCount: count,
      confinement: confinementWord(possible),
      ownUid: attended.descriptors,
    })
    .finally(() => client.close());
  if (deps.stderr.isTTY === true || context.verbose) {
    const identity = begun.spiffeIds[0] ?? 'no identity of its own yet';
    out.note((style) => `${style.good('▸')} agent ${safe(begun.agentName)}  pid ${begun.pid}  uid ${begun.ownUid}  ${safe(identity)}\n`);
    if (possible.kind === 'none') out.note(() => `  not confined: ${NO_DOMAIN[possible.reason]}\n`);
  }
  const { code, signal } = await attended.follow();
  if (signal === null) return code ?? 1;
  launcher.endBy(signal);
  return EXIT_BY_SIGNAL + constants.signals[signal];
}
