import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ConfigPlace, defaultConfig, type LoadedConfig, parseConfig } from '../domain/config';
import { MandateError } from '../domain/errors';
import { MAX_RULE_FILE_BYTES } from '../domain/rule-yaml';
import { errnoOf } from './errno';

/**
 * The configuration of an installation, once: what is edited afterwards holds from the next start on. Whoever could write to the file could
 * widen who administers, so it must belong to us or root and be writable by its owner alone. Throws E_STATE_PERMISSIONS and E_CONFIG;
 * a file that is not there is no failure unless it was named.
 */
export function loadConfig({ path, named }: ConfigPlace): LoadedConfig {
  let fd: number;
  try {
    // Waits for nothing: a FIFO is opened without blocking and then refused.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    if (!named && errnoOf(cause) === 'ENOENT') return defaultConfig();
    throw new MandateError('E_CONFIG', { saw: `${path}: ${errnoOf(cause)}` }, { cause });
  }
  try {
    const stat = fstatSync(fd);
    const { uid, mode, size } = stat;
    if (!stat.isFile()) throw new MandateError('E_CONFIG', { saw: `${path} is no regular file` });
    if (![process.geteuid?.(), 0].includes(uid) || mode & 0o022) {
      throw new MandateError('E_STATE_PERMISSIONS', { saw: path, fix: `chmod 644 ${path} and give it to the user that runs mandate` });
    }
    if (size > MAX_RULE_FILE_BYTES) throw new MandateError('E_CONFIG', { saw: `${path} has ${size} bytes` });
    return parseConfig(path, readFileSync(fd, 'utf8'));
  } finally {
    closeSync(fd);
  }
}
