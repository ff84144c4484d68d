import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import { MAX_SECRET_BYTES, MIN_SECRET_BYTES } from '../domain/key-seal';
import { errnoOf } from '../system/errno';
import { textOption, wholeNumber } from './arguments';
import { askHidden } from './hidden-prompt';
import type { CommandContext, OptionSpec, Options } from './specs/spec';

export const PASSPHRASE_OPTIONS: readonly OptionSpec[] = [
  { flags: '--passphrase-file <file>', text: 'passphrase of the authority keys (or MANDATE_PASSPHRASE_FILE); yours, mode 0600' },
  { flags: '--passphrase-fd <fd>', text: 'the same from a descriptor, such as a pipe' },
];

const STDIN = 0;

/**
 * The passphrase that a command line or the environment points at; undefined where neither does. It is never an argument or a variable itself:
 * both can be read by others. Throws E_PASSPHRASE, E_USAGE.
 */
export function givenPassphrase({ deps }: CommandContext, options: Options): Buffer | undefined {
  const fd = textOption(options, 'passphraseFd');
  const file = textOption(options, 'passphraseFile') ?? deps.env['MANDATE_PASSPHRASE_FILE'];
  if (fd !== undefined) return fromDescriptor(wholeNumber(fd, '--passphrase-fd', 0, 1023));
  return file === undefined ? undefined : fromFile(path.resolve(deps.cwd, file));
}

/** The passphrase as typed; undefined where nobody sits at a terminal. `fresh` where it makes a seal: it is typed twice. */
export async function typedPassphrase({ deps }: CommandContext, fresh: boolean): Promise<Buffer | undefined> {
  const stdin = deps.stdin();
  if (stdin.isTTY !== true || deps.stderr.isTTY !== true) return undefined;
  const first = await askHidden(stdin, deps.stderr, `${fresh ? 'New passphrase' : 'Passphrase'} of the authority keys: `);
  if (!fresh) return checked(first);
  const second = await askHidden(stdin, deps.stderr, 'The same again: ');
  const same = first.equals(second);
  second.fill(0);
  if (!same) throw unusable('two different ones');
  if (first.length < MIN_SECRET_BYTES) throw unusable(`${first.length} bytes`, `a new one has ${MIN_SECRET_BYTES} or more`);
  return checked(first);
}

function fromFile(file: string): Buffer {
  const named = file.slice(0, 200);
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw unusable(`${named}: ${errnoOf(cause)}`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unusable(named, 'it is no regular file');
    if (![process.geteuid?.(), 0].includes(stat.uid) || (stat.mode & 0o077) !== 0)
      throw unusable(named, 'others can read or change it', `chmod 600 ${named}`);
    return read(fd);
  } finally {
    closeSync(fd);
  }
}

function fromDescriptor(fd: number): Buffer {
  try {
    return read(fd);
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
}

/** To its end, without the newline that ends a text. */
function read(fd: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(MAX_SECRET_BYTES + 2);
  let length = 0;
  try {
    for (let more = -1; more !== 0 && length < bytes.length; length += more)
      more = readSync(fd, bytes, length, bytes.length - length, null);
  } catch (cause) {
    throw unusable(`descriptor ${fd}: ${errnoOf(cause)}`);
  }
  return checked(bytes.subarray(0, length > 0 && bytes[length - 1] === 0x0a ? length - 1 : length));
}

function checked(secret: Buffer): Buffer {
  if (secret.length === 0) throw unusable('nothing');
  if (secret.length > MAX_SECRET_BYTES) throw unusable('a longer one', `${MAX_SECRET_BYTES} bytes are the most`);
  return secret;
}

const unusable = (saw: string, why?: string, fix?: string) =>
  new MandateError('E_PASSPHRASE', { saw, ...(why !== undefined && { why }), ...(fix !== undefined && { fix }) });
