import { spawn } from 'node:child_process';
import { isErrorCode, MandateError } from '../domain/errors';

/** What the writer says once, on one line: that the files are there, or why they are not. */
export type FilesAnswer =
  { readonly ready: true } | { readonly ready: false; readonly code: string; readonly message: string; readonly saw?: string | undefined };

/**
 * Starts the writer of the files (files.ts) as a child of this process, which the program that we become inherits. It has a session of its
 * own, so that no key of the terminal ends it, and no domain: it is not the agent, and the agent cannot signal it.
 */
export async function keepFiles(program: { readonly node: string; readonly main: string }, folder: string, socket: string): Promise<void> {
  const child = spawn(program.node, [program.main, 'internal-files', folder, socket, String(process.pid)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: process.env['XDG_RUNTIME_DIR'] === undefined ? {} : { XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] },
    cwd: '/',
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const failed = await new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve);
    child.stdout.once('end', () => resolve(undefined));
  });
  const answer = answerOf(said);
  if (answer?.ready === true) return child.unref();
  const why =
    answer === undefined
      ? (failed?.message ?? 'its writer ended')
      : `${answer.message} (${isErrorCode(answer.code) ? answer.code : 'E_INTERNAL'})`;
  throw new MandateError('E_FILES', { why, ...(answer?.saw !== undefined && { saw: answer.saw }) });
}

function answerOf(line: string): FilesAnswer | undefined {
  try {
    return JSON.parse(line) as FilesAnswer;
  } catch {
    return undefined;
  }
}
