import { MandateError } from '../domain/errors';
import { loadConfig } from '../system/config-file';
import { sealedBy } from '../system/key-seal-file';
import { givenPassphrase, typedPassphrase } from './passphrase';
import type { UpOptions } from './ports';
import type { CommandContext, Options } from './specs/spec';

/**
 * What opens the authority keys, or makes their first seal, at a start: as the command line says, else typed at the terminal. Undefined where none is
 * needed. Throws E_KEY_SEALED where one is and nobody can be asked, E_PASSPHRASE, E_CONFIG.
 */
export async function keySecretFor(context: CommandContext, { layout, config }: UpOptions, options: Options): Promise<Buffer | undefined> {
  // Wired before a secret is read: that closes this process to others of its user.
  const running = context.deps.supervisor().holder(layout) !== undefined;
  const given = givenPassphrase(context, options);
  // The start is refused anyway where one runs: a person is not asked for nothing.
  if (given !== undefined || running) return given;
  const { home } = loadConfig(config).config.keys;
  const by = sealedBy(layout.keys);
  if (by === 'credential' || (by === undefined && home !== 'sealed')) return undefined;
  const typed = await typedPassphrase(context, by === undefined);
  if (typed === undefined) {
    throw new MandateError('E_KEY_SEALED', {
      saw:
        by === undefined
          ? 'keys.home: sealed, and no passphrase for the first keys'
          : 'keys sealed by a passphrase, and nobody at a terminal',
      fix: 'name a file or descriptor: --passphrase-file, --passphrase-fd',
    });
  }
  return typed;
}
