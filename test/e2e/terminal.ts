import { hasProgram } from '../running/installation';

const there = hasProgram('script');
if (!there) process.stderr.write('skipped: no script(1) of util-linux, which makes the terminals of these tests\n');

/** `describe` where a test can have a terminal of its own. */
export const describeTerminal = there ? describe : describe.skip;

/** Program and arguments that run a shell line on a pseudo terminal, and end as it ends. */
export const onTerminal = (line: string) => ['script', ['-qec', line, '/dev/null']] as const;
