import type { CliDeps } from '../ports';
import type { Layout } from '../../domain/layout';
import type { Output } from '../output';

/** What commands get beside their own arguments. */
export interface CommandContext {
  readonly deps: CliDeps;
  readonly out: Output;
  readonly verbose: boolean;
  /** Paths of the installation that `--state`, MANDATE_STATE or the standard names. Throws E_SOCKET_PATH. */
  readonly layout: () => Layout;
  /** The same for whoever only asks: an ordinary user who names none and has none of its own asks that of the machine. */
  readonly service: () => Layout;
}

export type OptionValue = string | boolean | readonly string[] | undefined;
export type Options = Readonly<Record<string, OptionValue>>;

/** Carries out one command; resolves with its exit code, or nothing for 0. Failures are thrown as MandateError. */
export type Command = (context: CommandContext, operands: readonly string[], options: Options) => Promise<number | void>;

export interface OptionSpec {
  /** As commander reads it: `--name <text>`, `--wait [seconds]`, `-d, --detach`. */
  readonly flags: string;
  readonly text: string;
  readonly repeatable?: boolean;
}

export interface CommandSpec {
  /** `['agents', 'ls']`. */
  readonly path: readonly string[];
  /** Operands as commander reads them: `<reference>`, `[file]`, `<files...>`. */
  readonly operands: string;
  readonly sentence: string;
  /** Command line after `mandate `, and what it is for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  readonly options: readonly { readonly title: string; readonly options: readonly OptionSpec[] }[];
  /** Exit codes beside 0, 1 and 2 that a script can meet here. */
  readonly exits: readonly (readonly [code: number, meaning: string])[];
  readonly topic: string | null;
  /** Everything after the first operand belongs to it, flags too. */
  readonly passThrough?: boolean;
  /** Every failure before the command's own exit code counts as this one (env(1)). */
  readonly failuresExit?: number;
  readonly hidden?: readonly OptionSpec[];
  readonly load: () => Command;
}

/** A word that only has commands below it. */
export interface GroupSpec {
  readonly name: string;
  readonly sentence: string;
  /** `mandate --help` has one line for all of its commands. */
  readonly folded?: true;
}

/** Known to every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '-o, --output <format>', text: 'text, json or jsonl' },
  { flags: '--state <dir>', text: 'state folder of the installation (or MANDATE_STATE)' },
  { flags: '-q, --quiet', text: 'only the answer and failures' },
  { flags: '-v, --verbose', text: 'say more on stderr' },
];
