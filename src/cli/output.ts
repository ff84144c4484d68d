import { asMandateError, type MandateError } from '../domain/errors';
import { failureAnswer, failureText } from './failure';
import { jsonText } from './json-text';
import type { CliStream } from './ports';
import { styleOf, type Style } from './style';

export const FORMATS = ['text', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** What a command says: the answer on stdout in the asked format, everything else on stderr. */
export class Output {
  readonly style: Style;
  readonly noteStyle: Style;

  constructor(
    private readonly stdout: CliStream,
    private readonly stderr: CliStream,
    env: Readonly<Record<string, string | undefined>>,
    readonly format: Format,
    private readonly quiet: boolean,
    private readonly showStacks: boolean,
  ) {
    this.style = styleOf(stdout, env);
    this.noteStyle = styleOf(stderr, env);
  }

  /** The answer. `text` ends with a line break; `items` names the list that jsonl prints one by one. */
  answer(value: object, text: (style: Style) => string, items?: readonly object[]): void {
    if (this.format === 'text') this.stdout.write(text(this.style));
    else if (this.format === 'json') this.stdout.write(`${jsonText(value)}\n`);
    else for (const item of items ?? [value]) this.stdout.write(`${jsonText(item, 0)}\n`);
  }

  /** An answer whose bytes are the point, such as a PEM file or a token: the same in every format. */
  raw(text: string): void {
    this.stdout.write(text);
  }

  /** Something beside the answer; not said with --quiet. */
  note(text: (style: Style) => string): void {
    if (!this.quiet) this.stderr.write(text(this.noteStyle));
  }

  /** Says what failed and returns the exit code. Stacks and causes are for those who asked for them. */
  fail(thrown: unknown): number {
    const error = asMandateError(thrown);
    if (this.format === 'text') this.stderr.write(failureText(error, this.noteStyle));
    else this.stdout.write(`${jsonText(failureAnswer(error), this.format === 'json' ? 2 : 0)}\n`);
    if (this.showStacks) this.stderr.write(stackOf(error));
    return error.exitCode;
  }
}

function stackOf(error: MandateError): string {
  let text = '';
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) text += `${at.stack ?? at.message}\n`;
  return text;
}
