import type { CliStream } from './ports';

type Paint = (text: string) => string;

/** How text looks on one stream: colours where they are wanted, and whether a person is likely to read it. */
export interface Style {
  /** True on a terminal: relative and local times; otherwise RFC 3339 UTC. */
  readonly person: boolean;
  readonly colour: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
}

const plain: Paint = (text) => text;
const sgr =
  (open: number, close: number): Paint =>
  (text) =>
    `\u001b[${open}m${text}\u001b[${close}m`;

/** Decides the style of a stream: a set NO_COLOR beats CLICOLOR_FORCE, which beats being no terminal. */
export function styleOf(stream: Pick<CliStream, 'isTTY'>, env: Readonly<Record<string, string | undefined>>): Style {
  const person = stream.isTTY === true;
  const colour = wantsColour(person, env);
  const paint = (open: number, close: number): Paint => (colour ? sgr(open, close) : plain);
  return { person, colour, bold: paint(1, 22), dim: paint(2, 22), good: paint(32, 39), bad: paint(31, 39), warn: paint(33, 39) };
}

function wantsColour(person: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['CLICOLOR_FORCE'];
  if (force !== undefined && force !== '' && force !== '0') return true;
  return person && env['TERM'] !== 'dumb' && env['CLICOLOR'] !== '0';
}
