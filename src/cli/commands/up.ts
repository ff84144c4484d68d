import { asMandateError } from '../../domain/errors';
import { textOption, wholeNumber } from '../arguments';
import { configPlace } from '../config-place';
import { failureAnswer } from '../failure';
import type { UpEvent } from '../../domain/up';
import { keySecretFor } from '../key-secret';
import type { UpOptions } from '../ports';
import type { Command, CommandContext, Options } from '../specs/spec';
import { UpProgress, readyText, upAnswer } from '../up-progress';
import { UpReporter } from '../up-report';
import { detachedUp } from './up-detached';

const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

/** `mandate up`: in the foreground until it is told to end, or with -d until it is ready. */
export const up: Command = async (context, _operands, options) => {
  const layout = context.layout();
  const named: UpOptions = {
    layout,
    config: configPlace(context, layout, options),
    databaseUrl: textOption(options, 'db') ?? context.deps.env['DATABASE_URL'],
    ownerUrl: textOption(options, 'dbOwner') ?? context.deps.env['MANDATE_DB_OWNER_URL'],
    verbose: context.verbose,
  };
  // Before anything is shown or started: a person may be asked.
  const chosen: UpOptions = { ...named, keySecret: await keySecretFor(context, named, options) };
  const progress = new UpProgress(context.deps.stderr, context.out.noteStyle, context.deps.clock, context.deps.version);
  try {
    return await (options['detach'] === true ? detachedUp(context, chosen, progress) : foreground(context, chosen, progress, options));
  } finally {
    progress.end();
  }
};

async function foreground(context: CommandContext, chosen: UpOptions, progress: UpProgress, options: Options): Promise<number> {
  const { deps, out } = context;
  const reporter = reporterOf(options);
  const abort = new AbortController();
  let interrupted: 'SIGINT' | 'SIGTERM' | undefined;
  let stop = () => abort.abort();
  const release = deps.onInterrupt((signal) => {
    interrupted ??= signal;
    stop();
  });
  const onEvent = (event: UpEvent) => {
    progress.show(event);
    reporter?.tell({ event });
  };
  try {
    const running = await deps.supervisor().start(chosen, onEvent, abort.signal);
    stop = () => running.stop();
    progress.end();
    out.answer(upAnswer(running.ready), (style) => readyText(running.ready, style));
    reporter?.tell({ ready: running.ready });
    reporter?.close();
    await running.ended;
    out.note(() => 'mandate has ended\n');
    return 0;
  } catch (thrown) {
    progress.end();
    if (interrupted !== undefined && abort.signal.aborted) return SIGNAL_EXIT[interrupted];
    reporter?.tell(failureAnswer(asMandateError(thrown)));
    throw thrown;
  } finally {
    reporter?.close();
    release();
  }
}

function reporterOf(options: Options): UpReporter | undefined {
  const fd = textOption(options, 'reportFd');
  return fd === undefined ? undefined : new UpReporter(wholeNumber(fd, '--report-fd', 3, 1023));
}
