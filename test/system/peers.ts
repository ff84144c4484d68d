import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Log } from '../../src/domain/ports';

export const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A child that talks in lines. */
export interface Talker {
  readonly child: ChildProcess;
  readonly pid: number;
  say(line: string): void;
  hear(): Promise<string>;
  end(): Promise<void>;
}

export function talkTo(program: string, args: readonly string[], options: { uid?: number; gid?: number } = {}): Talker {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] }, ...options });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  return {
    child,
    pid: child.pid!,
    say: (line) => void child.stdin.write(`${line}\n`),
    hear: async () => {
      const { value, done } = await lines.next();
      return done ? 'EOF' : value;
    },
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Lets a child run our sources as they are. */
const FROM_SOURCES = `
  const { transformFileSync } = require('@swc/core');
  const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
`;

/** Arguments for a child node that runs `code`, in which `system('name')` is src/system/name.ts. */
export const sourceArguments = (code: string, ...args: string[]): string[] => [
  '-e',
  `${FROM_SOURCES} const system = (name) => require(process.cwd() + '/src/system/' + name + '.ts'); ${code}`,
  ...args,
];

/**
 * A gRPC client in a process of its own: `unary` and `stream` on its standard input make a call, each answer is a line. Plain buffers on
 * the wire, so that no contract is involved.
 */
const CLIENT = `
  const grpc = require('@grpc/grpc-js');
  const raw = { requestSerialize: (x) => x, requestDeserialize: (x) => x, responseSerialize: (x) => x, responseDeserialize: (x) => x };
  const one = new grpc.Client('unix:' + process.argv[1], grpc.credentials.createInsecure());
  const say = (line) => process.stdout.write(line + '\\n');
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'unary') one.makeUnaryRequest('/t.T/Who', (x) => x, (x) => x, Buffer.alloc(0), (e, r) => say(e ? 'error ' + e.code + ' ' + e.details : r.toString()));
    if (line === 'stream') {
      const s = one.makeServerStreamRequest('/t.T/Watch', (x) => x, (x) => x, Buffer.alloc(0));
      s.on('data', (d) => say(d.toString())); s.on('error', (e) => say('error ' + e.code + ' ' + e.details)); s.on('end', () => say('end'));
    }
  });
  say('up');
`;

export async function client(socket: string, options: { uid?: number; gid?: number } = {}): Promise<Talker> {
  const talker = talkTo(process.execPath, ['-e', CLIENT, socket], options);
  await talker.hear();
  return talker;
}
