import path from 'node:path';
import { Command as Commander, CommanderError } from 'commander';
import { EXIT, MandateError } from '../domain/errors';
import { helpOfCommand, helpOfGroup, helpOfProgram } from './command-help';
import { keepAlive } from './keep-alive';
import { FORMATS, Output, type Format } from './output';
import type { CliDeps, CliStream } from './ports';
import { COMMANDS, GROUPS } from './specs/all';
import { GLOBAL_OPTIONS, type CommandContext, type CommandSpec, type OptionSpec, type OptionValue, type Options } from './specs/spec';
import { noSuchCommand, usageError } from './usage-error';

/** Carries out one command line and resolves with the exit code; every failure has been said by then. */
export async function runCli(deps: CliDeps): Promise<number> {
  ignoreBrokenPipe(deps.stdout);
  ignoreBrokenPipe(deps.stderr);
  const release = keepAlive();
  const state: { exit: number; spec?: CommandSpec; out?: Output } = { exit: EXIT.ok };
  const program = assemble(deps, async (spec, operands, options) => {
    state.spec = spec;
    const context = contextOf(deps, options);
    state.out = context.out;
    state.exit = (await spec.load()(context, operands, options)) ?? EXIT.ok;
  });
  try {
    await program.parseAsync(deps.argv, { from: 'user' });
    return state.exit;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
    const spec = state.spec ?? namedBy(deps.argv);
    const exit = (state.out ?? failureOutput(deps)).fail(thrown instanceof CommanderError ? usageError(thrown, spec) : thrown);
    return spec?.failuresExit !== undefined && exit !== EXIT.notExecutable && exit !== EXIT.commandNotFound ? spec.failuresExit : exit;
  } finally {
    release();
  }
}

type Action = (spec: CommandSpec, operands: readonly string[], options: Options) => Promise<void>;

function assemble(deps: CliDeps, action: Action): Commander {
  const program = new Commander('mandate');
  // Flags after the command of `run` are that command's own.
  program.enablePositionalOptions().exitOverride().helpCommand(false);
  program.configureOutput({ writeOut: (text) => deps.stdout.write(text), writeErr: () => undefined, outputError: () => undefined });
  program.option('-V, --version').helpOption('-h, --help');
  program.helpInformation = () => helpOfProgram();
  addOptions(program, GLOBAL_OPTIONS);
  program.allowExcessArguments().action(async () => {
    if (program.opts()['version'] === true) return action(specOf('version'), [], program.opts<Record<string, OptionValue>>());
    throw noSuchCommand([], program.args);
  });
  for (const group of GROUPS) {
    const below = program.command(group.name).allowExcessArguments();
    below.helpInformation = () => helpOfGroup(group);
    addOptions(below, GLOBAL_OPTIONS);
    below.action(() => {
      throw noSuchCommand([group.name], below.args);
    });
  }
  for (const spec of COMMANDS) addCommand(program, spec, action);
  return program;
}

function addCommand(program: Commander, spec: CommandSpec, action: Action): void {
  const parents = spec.path.slice(0, -1).reduce<Commander>((at, name) => at.commands.find((c) => c.name() === name) ?? at, program);
  const command = parents.command(spec.path.at(-1) ?? '').allowExcessArguments(false);
  if (spec.operands) command.arguments(spec.operands);
  if (spec.passThrough) command.passThroughOptions();
  command.helpInformation = () => helpOfCommand(spec);
  addOptions(command, [...spec.options.flatMap((group) => group.options), ...(spec.hidden ?? []), ...GLOBAL_OPTIONS]);
  command.action(async () => {
    const options: Record<string, OptionValue> = { ...program.opts(), ...(parents === program ? {} : parents.opts()), ...command.opts() };
    await action(spec, command.args, options);
  });
}

function addOptions(command: Commander, options: readonly OptionSpec[]): void {
  for (const { flags, text, repeatable } of options) {
    if (repeatable) command.option<readonly string[]>(flags, text, (value, before) => [...(before ?? []), value]);
    else command.option(flags, text);
  }
}

function contextOf(deps: CliDeps, options: Options): CommandContext {
  const format = options['output'] ?? 'text';
  if (!isFormat(format)) throw new MandateError('E_USAGE', { saw: `-o ${String(format)}`, fix: `one of ${FORMATS.join(', ')}` });
  const verbose = options['verbose'] === true;
  const out = new Output(deps.stdout, deps.stderr, deps.env, format, options['quiet'] === true, deps.env['MANDATE_LOG'] === 'debug');
  const layout = () => deps.layoutFor(stateFolder(deps, options));
  const service = () => (stateFolder(deps, options) === undefined && deps.machine()) || layout();
  return { deps, out, verbose, layout, service };
}

/** Longest path that Linux takes. */
const MAX_PATH_BYTES = 4095;

function stateFolder(deps: CliDeps, options: Options): string | undefined {
  const named = options['state'] ?? deps.env['MANDATE_STATE'];
  if (named === undefined) return undefined;
  if (typeof named !== 'string' || named === '' || named.includes('\0') || Buffer.byteLength(named) > MAX_PATH_BYTES)
    throw new MandateError('E_USAGE', { saw: 'a state folder that no path can name', fix: 'name a folder with --state or MANDATE_STATE' });
  return path.resolve(deps.cwd, named);
}

/** How a failure is to be said when the command line itself could not be read: as the flags before any `--` ask. */
function failureOutput(deps: CliDeps): Output {
  const end = deps.argv.indexOf('--');
  const flags = end < 0 ? deps.argv : deps.argv.slice(0, end);
  const asked = flags
    .map((flag, index) => (flag === '-o' || flag === '--output' ? flags[index + 1] : /^(?:-o|--output=)(.+)$/.exec(flag)?.[1]))
    .filter((value) => value !== undefined)
    .at(-1);
  const format = isFormat(asked) ? asked : 'text';
  return new Output(deps.stdout, deps.stderr, deps.env, format, false, deps.env['MANDATE_LOG'] === 'debug');
}

const isFormat = (value: OptionValue): value is Format => FORMATS.some((format) => format === value);

/** The command that a line names, as far as it can be told without reading its flags. */
function namedBy(argv: readonly string[]): CommandSpec | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  return COMMANDS.find((spec) => spec.path.every((word, index) => words[index] === word));
}

function specOf(name: string): CommandSpec {
  const spec = COMMANDS.find((candidate) => candidate.path.join(' ') === name);
  if (!spec) throw new MandateError('E_INTERNAL');
  return spec;
}

/** A reader that has seen enough (`| head`) is no failure. */
function ignoreBrokenPipe(stream: CliStream): void {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
