import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { HashAnswer, HashJob } from './file-hasher';
import { stepBack } from './step-back';

/**
 * Hashes open files a chunk at a time: by turns of the one with the least to do, so that a large file does not delay the small ones
 * behind it, and of the one that came first, so that small ones without end do not starve a large one.
 */

const CHUNK_BYTES = 1024 * 1024;

interface Running {
  readonly job: HashJob;
  readonly hash: Hash;
  at: number;
}

const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const running: Running[] = [];

/** True when the file is done, by its end or by an error; a file may not grow past the size it was admitted with. */
function advance(current: Running): boolean {
  const { job, hash } = current;
  let answer: HashAnswer | undefined;
  try {
    // By position: the descriptor is shared with the main thread, its offset would be as well.
    const length = readSync(job.fd, chunk, 0, CHUNK_BYTES, current.at);
    hash.update(chunk.subarray(0, length));
    current.at += length;
    if (current.at > job.sizeBytes) answer = { id: job.id, grown: true };
    else if (length === 0) answer = { id: job.id, sha256: hash.digest('hex') };
  } catch (error) {
    answer = { id: job.id, error: error instanceof Error ? error.message : 'read failed' };
  }
  if (answer !== undefined) parentPort?.postMessage(answer);
  return answer !== undefined;
}

const remaining = ({ job, at }: Running): number => job.sizeBytes - at;

const leastToDo = (): Running | undefined =>
  running.reduce<Running | undefined>((least, one) => (least && remaining(least) <= remaining(one) ? least : one), undefined);

const add = (job: HashJob): void => void running.push({ job, hash: createHash('sha256'), at: 0 });

const next = (): HashJob | undefined => (parentPort ? (receiveMessageOnPort(parentPort)?.message as HashJob | undefined) : undefined);

stepBack();

parentPort?.on('message', (job: HashJob) => {
  add(job);
  for (let turn = 0; running.length > 0; turn++) {
    const current = (turn % 2 === 0 ? leastToDo() : running[0])!;
    if (advance(current)) running.splice(running.indexOf(current), 1);
    for (let more = next(); more !== undefined; more = next()) add(more);
  }
});
