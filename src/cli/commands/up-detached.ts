import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { MandateError } from '../../domain/errors';
import type { UpOptions } from '../ports';
import type { CommandContext } from '../specs/spec';
import { readyText, upAnswer, type UpProgress } from '../up-progress';
import { readReports } from '../up-report';

/** Starts `up` in a session of its own and returns when it is ready, or with the failure that it reported. */
export async function detachedUp(context: CommandContext, chosen: UpOptions, progress: UpProgress): Promise<number> {
  const { deps, out } = context;
  const { layout, config, keySecret } = chosen;
  const named = config.named ? ['--config', config.path] : [];
  const secret = keySecret ? ['--passphrase-fd', '4'] : [];
  const log = deps.supervisor().openLog(layout);
  const child = spawn(
    deps.program.node,
    [deps.program.main, 'up', '--state', layout.state, '--report-fd', '3', ...named, ...secret, ...(chosen.verbose ? ['-v'] : [])],
    {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log, 'pipe', keySecret ? 'pipe' : 'ignore'],
      // Addresses may hold passwords, and arguments are for everybody to read.
      env: {
        ...deps.env,
        ...(chosen.databaseUrl !== undefined && { DATABASE_URL: chosen.databaseUrl }),
        ...(chosen.ownerUrl !== undefined && { MANDATE_DB_OWNER_URL: chosen.ownerUrl }),
      },
    },
  );
  closeSync(log);
  if (keySecret) handOver(keySecret, child.stdio[4] as Writable);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const release = deps.onInterrupt((signal) => child.kill(signal));
  try {
    const ready = await readReports(child.stdio[3] as Readable, (event) => progress.show(event));
    if (!ready) {
      const how = await exited;
      throw new MandateError('E_CHILD_FAILED', {
        saw: `mandate up ended before it was ready: ${how}`,
        fix: `look at ${layout.logs}/up.log`,
      });
    }
    progress.end();
    out.answer(upAnswer(ready), (style) => readyText(ready, style));
    return 0;
  } finally {
    release();
    child.stdio[3]?.destroy();
    child.unref();
  }
}

/** That it ended before it read is told by its end. */
function handOver(secret: Buffer, pipe: Writable): void {
  pipe.on('error', () => undefined);
  pipe.end(secret, () => secret.fill(0));
}
