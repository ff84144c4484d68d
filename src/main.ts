/**
 * The composition root. Each way to start mandate has its own file under entry/, which alone wires adapters together; only the code of
 * the way that was asked for is loaded.
 */
const [way, ...rest] = process.argv.slice(2);

if (way === 'internal-server') void (require('./entry/server') as typeof import('./entry/server')).serverEntry(rest);
else if (way === 'internal-node') void (require('./entry/node') as typeof import('./entry/node')).nodeEntry();
else void (require('./entry/cli') as typeof import('./entry/cli')).cliEntry();
