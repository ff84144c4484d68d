import type { UpAnswer } from '../domain/answers';
import type { Clock } from '../domain/ports';
import type { ReadyInfo, UpEvent } from '../domain/up';
import type { CliStream } from './ports';
import { safe } from './safe';
import type { Style } from './style';
import { pad } from './table';
import { duration } from './times';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const MARKS = { done: '✓', failed: '✗', restarted: '↻' } as const;

/** Shows the steps of `up` on stderr while they run: a spinner on a terminal, elsewhere one line per finished step. */
export class UpProgress {
  #running: UpEvent | undefined;
  #frame = 0;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly stream: CliStream,
    private readonly style: Style,
    private readonly clock: Clock,
    private readonly version: string,
  ) {}

  show(event: UpEvent): void {
    this.#clear();
    if (event.step === 'installation') {
      if (event.state === 'done')
        this.stream.write(`mandate ${safe(this.version)} · trust domain ${this.style.bold(safe(event.detail))}\n\n`);
      return;
    }
    if (event.state === 'running') {
      this.#running = event;
      if (this.style.person) this.#spin();
      return;
    }
    this.#running = undefined;
    this.stream.write(stepLine(event, this.style));
  }

  /** Leaves no half-drawn line behind. */
  end(): void {
    this.#clear();
    this.#running = undefined;
  }

  #spin(): void {
    const running = this.#running;
    if (!running) return;
    const frame = FRAMES[this.#frame++ % FRAMES.length] ?? '';
    this.stream.write(`\r\u001b[K  ${frame} ${pad(running.step, 10)} ${safe(running.detail)}`);
    this.#cancel = this.clock.after(FRAME_MS, () => this.#spin());
  }

  #clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#running && this.style.person) this.stream.write('\r\u001b[K');
  }
}

function stepLine(event: UpEvent, style: Style): string {
  const mark = MARKS[event.state as keyof typeof MARKS];
  const painted = event.state === 'done' ? style.good(mark) : event.state === 'failed' ? style.bad(mark) : style.warn(mark);
  return `  ${painted} ${pad(event.step, 10)} ${pad(safe(event.detail), 52)}  ${style.dim(duration(event.ms))}\n`;
}

export const upAnswer = (ready: ReadyInfo): UpAnswer => ({
  ready: true,
  trustDomain: ready.trustDomain,
  workloadApi: ready.workloadApi,
  bundleUrl: ready.bundleUrl,
  separated: ready.separated,
  readyMs: Math.round(ready.ms),
});

/** The answer of `up`: its first line starts with `Ready`, which scripts wait for. */
export function readyText(ready: ReadyInfo, style: Style): string {
  const separation = ready.separated
    ? ''
    : '  The issuer runs under the same user as your agents: good for trying out, at most `observed` (mandate help separation).\n';
  return (
    `${style.good('Ready')} in ${duration(ready.ms)}.\n` +
    `  SPIFFE_ENDPOINT_SOCKET=${safe(ready.workloadApi)}\n` +
    separation +
    `Next:  ${style.bold('mandate run -- claude')}      then      ${style.bold('mandate agents ls')}\n`
  );
}
