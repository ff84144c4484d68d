import { MandateError } from '../domain/errors';
import { MAX_SECRET_BYTES } from '../domain/key-seal';
import type { CliStream } from './ports';

const ENTER = [0x0a, 0x0d];
const LEAVE = [0x03, 0x04]; // Ctrl-C, Ctrl-D: without the terminal's own handling they are bytes
const ERASE = [0x08, 0x7f];
const CLEAR = 0x15; // Ctrl-U

/** One line from a terminal, unseen, as bytes that the caller wipes. Throws E_PASSPHRASE where the prompt is left. */
export async function askHidden(terminal: NodeJS.ReadStream, notes: CliStream, question: string): Promise<Buffer> {
  // Before the question: what is typed at its sight must not be echoed.
  terminal.setRawMode(true);
  notes.write(question);
  try {
    return await line(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    notes.write('\n');
  }
}

function line(terminal: NodeJS.ReadStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One more than is allowed, so that a longer one is seen to be longer.
    const typed = Buffer.allocUnsafeSlow(MAX_SECRET_BYTES + 1);
    let length = 0;
    const stop = (settle: () => void) => {
      terminal.off('data', take);
      terminal.off('end', left);
      settle();
    };
    const left = () =>
      stop(() => {
        typed.fill(0);
        reject(new MandateError('E_PASSPHRASE', { saw: 'a prompt that was left' }));
      });
    const take = (chunk: Buffer) => {
      for (const [at, byte] of chunk.entries()) {
        if (LEAVE.includes(byte)) return left();
        if (ENTER.includes(byte)) {
          const rest = Buffer.from(chunk.subarray(at + 1));
          stop(() => resolve(typed.subarray(0, length)));
          // Pasted lines answer the next question.
          if (rest.length > 0) terminal.unshift(rest);
          return chunk.fill(0);
        }
        if (ERASE.includes(byte)) length = beforeLastCharacter(typed, length);
        else if (byte === CLEAR) length = 0;
        else if (length < typed.length) typed[length++] = byte;
      }
      return chunk.fill(0);
    };
    terminal.on('data', take);
    terminal.on('end', left);
    terminal.resume();
  });
}

/** A character of UTF-8 ends with its continuation bytes. */
function beforeLastCharacter(typed: Buffer, length: number): number {
  let end = length - 1;
  while (end > 0 && ((typed[end] ?? 0) & 0xc0) === 0x80) end--;
  return Math.max(end, 0);
}
