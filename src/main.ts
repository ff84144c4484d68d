import type * as BecomeEntry from './entry/become';
import type * as CliEntry from './entry/cli';
import type * as DatabaseUnitEntry from './entry/database-unit';
import type * as FilesEntry from './entry/files';
import type * as FilesLeftEntry from './entry/files-left';
import type * as KeeperEntry from './entry/keeper';
import type * as NodeEntry from './entry/node';
import type * as NodeUnitEntry from './entry/node-unit';
import type * as ServerEntry from './entry/server';
import type * as ServerUnitEntry from './entry/server-unit';
import type * as SetupUnitEntry from './entry/setup-unit';

/**
 * The composition root. Each way to start mandate has its own file under entry/, which alone wires adapters together; only the code of
 * the way that was asked for is loaded.
 */
const [way, ...rest] = process.argv.slice(2);

if (way === 'internal-server') (require('./entry/server') as typeof ServerEntry).serverEntry(rest);
else if (way === 'internal-node') (require('./entry/node') as typeof NodeEntry).nodeEntry();
else if (way === 'internal-files') (require('./entry/files') as typeof FilesEntry).filesEntry(rest);
else if (way === 'internal-files-left') (require('./entry/files-left') as typeof FilesLeftEntry).filesLeftEntry();
else if (way === 'internal-setup') void (require('./entry/setup-unit') as typeof SetupUnitEntry).setupUnitEntry();
else if (way === 'internal-database') (require('./entry/database-unit') as typeof DatabaseUnitEntry).databaseUnitEntry();
else if (way === 'internal-server-unit') (require('./entry/server-unit') as typeof ServerUnitEntry).serverUnitEntry();
else if (way === 'internal-node-unit') (require('./entry/node-unit') as typeof NodeUnitEntry).nodeUnitEntry();
else if (way === 'internal-keeper') (require('./entry/keeper') as typeof KeeperEntry).keeperEntry();
else if (way === 'internal-become') (require('./entry/become') as typeof BecomeEntry).becomeEntry();
else void (require('./entry/cli') as typeof CliEntry).cliEntry();
