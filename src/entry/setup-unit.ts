import { hostname } from 'node:os';
import { rolePasswords } from '../lineage/secrets';
import { openInstallation } from '../supervisor/installation';
import { systemClock } from '../system/clock';
import { harden } from '../system/harden';
import { systemRandom } from '../system/random';
import { jsonLog } from './log';
import { installedLayout } from './unit';

/** Decides what is decided once and kept: passwords of the database first, so that an installation that is there has them. */
export async function setupUnitEntry(): Promise<void> {
  harden();
  const log = jsonLog('setup', process.env['MANDATE_LOG']);
  try {
    const layout = installedLayout();
    rolePasswords(layout.secrets, systemRandom);
    const { installation, created } = await openInstallation(layout, hostname(), systemClock, systemRandom);
    log.info({ trustDomain: installation.trustDomain, created }, 'installation');
  } catch (error) {
    log.error({ err: error }, 'cannot go on');
    process.exitCode = 1;
  }
}
