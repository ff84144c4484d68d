import { asMandateError, MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { RunningService, StartChoice, UpEvent } from '../domain/up';
import { openLogFile } from '../system/log-file';
import { lockHolder, lockState } from './lock';
import { Run, type RunParts } from './run';
import { makeState } from './state-folders';

/** Starts and ends the three parts of one installation. */
export class Supervisor {
  constructor(private readonly parts: RunParts) {}

  holder(layout: Layout): { readonly pid: number } | undefined {
    return lockHolder(layout.lockFile);
  }

  openLog(layout: Layout): number {
    makeState(layout);
    return openLogFile(`${layout.logs}/up.log`);
  }

  async start(choice: StartChoice, onEvent: (event: UpEvent) => void, abort: AbortSignal): Promise<RunningService> {
    const aborted = new Promise<never>((_, reject) => {
      abort.addEventListener('abort', () => reject(new MandateError('E_CHILD_FAILED', { why: 'it was told to end before it was ready' })), {
        once: true,
      });
    });
    aborted.catch(() => undefined);
    makeState(choice.layout);
    const unlock = lockState(choice.layout.lockFile);
    const run = new Run(this.parts, choice, onEvent);
    try {
      const running = await Promise.race([run.start(), aborted]);
      void running.ended.then(unlock, unlock);
      return running;
    } catch (thrown) {
      await run.stopAll();
      unlock();
      throw asMandateError(thrown);
    }
  }
}
