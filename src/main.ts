import type * as CliEntry from './entry/cli';
import type * as FilesEntry from './entry/files';
import type * as NodeEntry from './entry/node';
import type * as ServerEntry from './entry/server';

/**
 * The composition root. Each way to start mandate has its own file under entry/, which alone wires adapters together; only the code of
 * the way that was asked for is loaded.
 */
const [way, ...rest] = process.argv.slice(2);

if (way === 'internal-server') (require('./entry/server') as typeof ServerEntry).serverEntry(rest);
else if (way === 'internal-node') (require('./entry/node') as typeof NodeEntry).nodeEntry();
else if (way === 'internal-files') (require('./entry/files') as typeof FilesEntry).filesEntry(rest);
else void (require('./entry/cli') as typeof CliEntry).cliEntry();
