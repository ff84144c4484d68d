import { resolve } from 'node:path';
import { confinementWord, noDomain } from '../../domain/confinement';
import { MandateError } from '../../domain/errors';
import { operand, textOption } from '../arguments';
import { workloadSocket } from '../endpoint';
import { keptEnvironment, withWorkloadApi } from '../kept-environment';
import { NO_DOMAIN } from '../no-domain';
import { safe } from '../safe';
import type { Command, Options } from '../specs/spec';
import type * as WorkloadClientModule from '../workload-client';

const MAX_TASK = 500;

/** `mandate run`: opens a launch for this very process, then becomes the command. */
export const run: Command = async (context, operands, options) => {
  const { deps, out } = context;
  const launcher = deps.launcher();
  // Before anything else is opened: what is there now, the user passed.
  const descriptors = launcher.inheritedDescriptors();
  const program = launcher.resolveProgram(operand(operands, 0), deps.env['PATH'], deps.cwd);
  const socket = workloadSocket(context, options);
  const { WorkloadClient } = require('../workload-client') as typeof WorkloadClientModule;
  const client = new WorkloadClient(socket, deps.clock);
  const possible = options['confine'] === false ? noDomain('asked') : launcher.possibleConfinement();
  const begun = await client
    .begin({
      name: nameOf(options),
      task: taskOf(options),
      program,
      argumentCount: operands.length,
      confinement: confinementWord(possible),
    })
    .finally(() => client.close());
  if (deps.stderr.isTTY === true || context.verbose) {
    const identity = begun.spiffeIds[0] ?? 'no identity of its own yet';
    out.note((style) => `${style.good('▸')} agent ${safe(begun.agentName)}  pid ${process.pid}  ${safe(identity)}\n`);
    if (possible.kind === 'none') out.note(() => `  not confined: ${NO_DOMAIN[possible.reason]}\n`);
  }
  const files = textOption(options, 'files');
  if (files !== undefined) await launcher.keepFiles(resolve(deps.cwd, files), socket);
  const given = launcher.asStarted();
  const { env, startedWith } = keptEnvironment(given.env);
  // Only now: before the answer the node has to read us, and a node of our own user could not any more.
  launcher.closeToOthers();
  if (begun.adoptOrphans) launcher.adoptOrphans();
  // Inside a launch we are in its domain already: one more would shut the agent's own processes from each other.
  if (possible.kind === 'domain' && !begun.joined) launcher.enterDomain();
  return launcher.execInPlace({
    path: program,
    argv: given.argv.slice(-operands.length),
    env: withWorkloadApi(env, `unix://${socket}`),
    descriptors,
    startedWith,
  });
};

function nameOf(options: Options): string {
  const name = textOption(options, 'name') ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$|^$/.test(name))
    throw new MandateError('E_USAGE', {
      saw: `--name ${name.slice(0, 100)}`,
      fix: 'up to 63 letters, digits, dots, dashes and underscores',
    });
  return name;
}

function taskOf(options: Options): string {
  const task = textOption(options, 'task') ?? '';
  if (task.length > MAX_TASK) throw new MandateError('E_USAGE', { saw: `a task of ${task.length} characters`, fix: `at most ${MAX_TASK}` });
  return task;
}
