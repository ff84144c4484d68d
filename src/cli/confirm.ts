import { createInterface } from 'node:readline';
import { MandateError } from '../domain/errors';
import type { CommandContext, OptionSpec, Options } from './specs/spec';

/** What a verb takes that ends something. */
export const YES: OptionSpec = { flags: '-y, --yes', text: 'do not ask; needed where nobody sits at a terminal' };

/**
 * Says what will end, and whether it may. `--yes` answers for the person; without it the person at the terminal is asked, and E_USAGE is
 * thrown where there is none.
 */
export async function confirmed({ deps, out }: CommandContext, options: Options, whatEnds: string): Promise<boolean> {
  if (options['yes'] === true) {
    out.note(() => whatEnds);
    return true;
  }
  // No notes: with --quiet a question that nobody sees would wait for ever.
  deps.stderr.write(whatEnds);
  if (deps.stderr.isTTY !== true || deps.stdin().isTTY !== true)
    throw new MandateError('E_USAGE', { saw: 'nobody at a terminal who could be asked', fix: 'add -y if this is what you want' });
  deps.stderr.write('Go on? [y/N] ');
  const lines = createInterface({ input: deps.stdin() });
  for await (const line of lines) {
    lines.close();
    return /^y(es)?$/i.test(line.trim());
  }
  return false;
}
