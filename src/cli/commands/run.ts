import { resolve } from 'node:path';
import { confinementWord, noDomain } from '../../domain/confinement';
import { MandateError } from '../../domain/errors';
import { operand, textOption } from '../arguments';
import { workloadSocket } from '../endpoint';
import { keptEnvironment, withWorkloadApi } from '../kept-environment';
import { NO_DOMAIN } from '../no-domain';
import { safe } from '../safe';
import { runAsUser } from './run-as-user';
import { nameOf, taskOf } from './run-names';
import type { Command } from '../specs/spec';
import type * as WorkloadClientModule from '../workload-client';

/** `mandate run`: opens a launch for this very process, then becomes the command. */
export const run: Command = async (context, operands, options) => {
  const { deps, out } = context;
  const launcher = deps.launcher();
  // Before anything else is opened: what is there now, the user passed.
  const descriptors = launcher.inheritedDescriptors();
  const program = launcher.resolveProgram(operand(operands, 0), deps.env['PATH'], deps.cwd);
  const socket = workloadSocket(context, options);
  if (options['asUser'] === true) return runAsUser(context, { program, count: operands.length, socket, launcher }, options);
  for (const name of ['project', 'env'])
    if (options[name] !== undefined) throw new MandateError('E_USAGE', { saw: `--${name} without --as-user` });
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
