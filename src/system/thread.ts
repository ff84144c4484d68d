import { extname, join } from 'node:path';
import { type MessagePort, Worker } from 'node:worker_threads';

/** Lets a thread run from TypeScript sources, which is how tests run: compiled, threads load the file beside this one. */
const FROM_SOURCES = `
  const { workerData } = require('node:worker_threads');
  const { transformFileSync } = require('@swc/core');
  const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  require(workerData.file);
`;

/** Threads hold little and throw much away: left alone, each lets some 48 MB of it pile up before it looks. */
const MAX_YOUNG_MB = 2;

/**
 * Starts the thread program of that name in this folder. It never keeps the process alive, and closes no descriptor but its own.
 * It gets none of our environment: nothing in it is for threads.
 */
export function startThread<Message>(
  name: string,
  data: object,
  onMessage: (message: Message) => void,
  transferList: MessagePort[] = [],
): Worker {
  const kind = extname(__filename);
  const file = join(__dirname, `${name}${kind}`);
  const options = {
    workerData: { ...data, file },
    transferList,
    trackUnmanagedFds: false,
    env: {},
    stdin: false,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MB },
  };
  const worker = kind === '.js' ? new Worker(file, options) : new Worker(FROM_SOURCES, { ...options, eval: true });
  worker.on('message', onMessage);
  // After the listener: adding one takes the reference again.
  worker.unref();
  return worker;
}
