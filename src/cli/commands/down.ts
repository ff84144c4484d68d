import { existsSync } from 'node:fs';
import type { DownAnswer } from '../../domain/answers';
import { MandateError } from '../../domain/errors';
import type { Layout } from '../../domain/layout';
import { askAdmin } from '../admin-client';
import { pause } from '../pause';
import type { CliDeps } from '../ports';
import type { Command } from '../specs/spec';

const LIMIT_MS = 6_000;
const LOOK_AGAIN_MS = 20;

/** `mandate down`: asks the service to end and waits until nothing of it is left. Nothing running is no failure. */
export const down: Command = async ({ deps, out, layout }) => {
  const paths = layout();
  const answer = await end(deps, paths);
  out.answer(answer, () =>
    answer.wasRunning ? 'mandate has ended; agents run on until their SVIDs expire\n' : 'mandate is not running\n',
  );
};

async function end(deps: CliDeps, paths: Layout): Promise<DownAnswer> {
  try {
    await askAdmin(deps.clock, paths.adminSocket, 'shutdown', {});
  } catch (error) {
    if (!(error instanceof MandateError) || error.code !== 'E_NOT_RUNNING') throw error;
    const holder = deps.supervisor().holder(paths);
    if (!holder) return { stopped: false, wasRunning: false };
    // Only the service can tell whether the caller may end it.
    throw new MandateError('E_NOT_RUNNING', {
      saw: `mandate up runs as pid ${holder.pid} on ${paths.state}, but its server does not answer`,
      fix: `try again in a moment, or end it with: kill ${holder.pid}`,
    });
  }
  const sinceMs = deps.clock.monotonicMs();
  while (deps.supervisor().holder(paths) !== undefined || sockets(paths).some((path) => existsSync(path))) {
    if (deps.clock.monotonicMs() - sinceMs > LIMIT_MS)
      throw new MandateError('E_TIMEOUT', { saw: `still running after ${LIMIT_MS / 1000} seconds`, fix: `look at ${paths.logs}/up.log` });
    await pause(deps.clock, LOOK_AGAIN_MS);
  }
  return { stopped: true, wasRunning: true };
}

const sockets = (paths: Layout): readonly string[] => [paths.agentSocket, paths.adminSocket, paths.linkSocket];
