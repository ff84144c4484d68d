import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { readable } from './below';
import { type HashAnswer, type HashJob, type HashProgress, PROGRESS } from './hash-job';
import { stepBack } from './step-back';

/**
 * Hashes open files a chunk at a time: by turns of the one with the least to do, so that a large file does not delay the small ones
 * behind it, and of the one that came first, so that small ones without end do not starve a large one.
 */

const CHUNK_BYTES = 1024 * 1024;

interface Running {
  readonly job: HashJob;
  /** Opened here: whoever serves the file may let us wait for that as well. */
  readonly fd: number;
  readonly hash: Hash;
  at: number;
}

const { progress } = workerData as { readonly progress: HashProgress };
const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const running: Running[] = [];

/** Where nobody waits for this thread any more it ends: descriptors that it was told of mean others by now. */
function endIfLeft(): void {
  if (Atomics.load(progress, PROGRESS.left) === 0) return;
  for (const { fd } of running) closeSync(fd);
  process.exit();
}

/** Says what is begun, so that whoever waits can tell slow from stuck. */
function step({ id }: HashJob): void {
  endIfLeft();
  Atomics.store(progress, PROGRESS.job, id);
  Atomics.add(progress, PROGRESS.steps, 1);
}

/** True when the file is done, by its end or by an error; a file may not grow past the size it was admitted with. */
function advance(current: Running): boolean {
  const { job, fd, hash } = current;
  let answer: HashAnswer | undefined;
  step(job);
  try {
    const length = readSync(fd, chunk, 0, CHUNK_BYTES, null);
    hash.update(chunk.subarray(0, length));
    current.at += length;
    if (current.at > job.sizeBytes) answer = { id: job.id, grown: true };
    else if (length === 0) answer = { id: job.id, sha256: hash.digest('hex') };
  } catch (error) {
    answer = { id: job.id, error: messageOf(error) };
  }
  if (answer === undefined) return false;
  closeSync(fd);
  parentPort?.postMessage(answer);
  return true;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'read failed');

const remaining = ({ job, at }: Running): number => job.sizeBytes - at;

const leastToDo = (): Running | undefined =>
  running.reduce<Running | undefined>((least, one) => (least && remaining(least) <= remaining(one) ? least : one), undefined);

function add(job: HashJob): void {
  step(job);
  try {
    running.push({ job, fd: readable(job.fd), hash: createHash('sha256'), at: 0 });
  } catch (error) {
    parentPort?.postMessage({ id: job.id, error: messageOf(error) } satisfies HashAnswer);
  }
}

const next = (): HashJob | undefined => (parentPort ? (receiveMessageOnPort(parentPort)?.message as HashJob | undefined) : undefined);

stepBack();

parentPort?.on('message', (job: HashJob) => {
  add(job);
  for (let turn = 0; running.length > 0; turn++) {
    const current = (turn % 2 === 0 ? leastToDo() : running[0])!;
    if (advance(current)) running.splice(running.indexOf(current), 1);
    for (let more = next(); more !== undefined; more = next()) add(more);
  }
  endIfLeft();
});
