import { type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { programOf } from '../supervision/proc';
import type { Running } from '../supervision/running';
import { until } from '../supervision/until';

/** How a process changes while its request is under way. */
export type Swap = 'exec-jwt' | 'exec-x509' | 'setuid-jwt';

export interface Swapped {
  readonly swap: Swap;
  /** Answers with an SVID that reached the process after it had changed. */
  readonly delivered: number;
  /** The call ended with an error status, or its connection was closed. */
  readonly ended: boolean;
}

/** Changes this user can try: another user takes root. */
export const swapsPossible = (): readonly Swap[] =>
  process.getuid?.() === 0 ? ['exec-jwt', 'exec-x509', 'setuid-jwt'] : ['exec-jwt', 'exec-x509'];

/** By user alone, so that nothing but the pin tells the old program from the new one. */
export const BY_USER = `apiVersion: mandate/v1
kind: Rule
name: by-user
match:
  user.uid: ["${process.getuid!()}", "65534"]
issue:
  id: /swapper
  x509: { ttl: 2s }
  jwt: { ttl: 5m, audiences: "*" }
`;

const [DATA, HEADERS, GOAWAY] = [0, 1, 7];
const END_STREAM = 1;

/**
 * Lets a process change after the node has read its request and before the server can answer: the server is stopped meanwhile, so the
 * order is certain. What arrives on the connection afterwards reached something that was never attested.
 */
export async function swapTrial(running: Running, swap: Swap): Promise<Swapped> {
  const child = running.spawn(process.execPath, [path.join(__dirname, 'swapper.js'), swap], ['pipe', 'pipe', 'pipe'], {
    SPIFFE_ENDPOINT_SOCKET: `unix://${running.agentSocket}`,
  });
  const frames: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => frames.push(chunk));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let over = false;
  void ended.then(() => (over = true));
  const heard = listen(child);
  try {
    await heard('warm');
    const server = running.part('server')!;
    process.kill(server.pid, 'SIGSTOP');
    try {
      child.stdin!.write('go\n');
      await heard('asked');
      if (swap === 'setuid-jwt') await heard('swapped');
      else
        await until(
          'the other program',
          () => over || programOf(child.pid!)?.endsWith('cat') || programOf(child.pid!)?.includes('busybox'),
        );
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    const verdict = () => judge(Buffer.concat(frames));
    await until('an answer or an end', () => over || verdict().ended || verdict().delivered > 0);
    return { swap, delivered: verdict().delivered, ended: over || verdict().ended };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** What the new program was given: HTTP/2 frames, of which DATA holds answers and HEADERS with END_STREAM a status. */
function judge(bytes: Buffer): { delivered: number; ended: boolean } {
  let delivered = 0;
  let ended = false;
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const [length, type, flags] = [bytes.readUIntBE(at, 3), bytes[at + 3], bytes[at + 4]!];
    if (type === DATA && length > 5) delivered += 1;
    if ((type === HEADERS && (flags & END_STREAM) !== 0) || type === GOAWAY) ended = true;
  }
  return { delivered, ended };
}

function listen(child: ChildProcess): (line: string) => Promise<void> {
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => lines.push(line));
  return async (wanted) => {
    await until(`the swapper to say ${wanted}`, () => {
      if (child.exitCode !== null || lines.includes('refused')) throw new Error(`the swapper was refused or ended: ${lines.join(' | ')}`);
      return lines.includes(wanted);
    });
  };
}
