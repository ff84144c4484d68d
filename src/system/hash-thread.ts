import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { HashAnswer, HashJob } from './file-hasher';

/** Hashes open files in turns of one chunk each, so that a large file delays the small ones behind it by a chunk, not by its length. */

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

const add = (job: HashJob): void => void running.push({ job, hash: createHash('sha256'), at: 0 });

parentPort?.on('message', (job: HashJob) => {
  add(job);
  for (let current = running.shift(); current !== undefined; current = running.shift()) {
    if (!advance(current)) running.push(current);
    for (let more = next(); more !== undefined; more = next()) add(more);
  }
});

const next = (): HashJob | undefined => (parentPort ? (receiveMessageOnPort(parentPort)?.message as HashJob | undefined) : undefined);
