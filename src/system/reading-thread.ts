import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { statusGroups } from '../domain/proc-text';
import type { FoundText, SeenFile, WantedText } from '../domain/attestation';
import { errnoOf } from './errno';
import { lookForHolders } from './holders';
import { hashOfMembers } from './json-members';
import { readMappedCode } from './mapped-code';
import { readOwnWords, readUpTo } from './own-words';
import type { ReadingAnswer, ReadingJob, ReadingTask } from './reading-job';
import { type OnBehalfOf, pathOf, readWhole, SeenTree } from './seen-tree';

/** Carries out one job at a time, for as long as that takes: whoever asked waits no longer than it wants to. */

// Most files that are asked for are not there, and nobody sees where that was noticed: half the cost of a look.
Error.stackTraceLimit = 0;

const MAX_STATUS_BYTES = 64 * 1024;
const MAX_CODE_FILE_BYTES = 64 * 1024 * 1024;
const MAX_TEXT_BYTES = 256 * 1024;
/** As much of a `#!` line as the kernel reads. */
const MAX_LINE_BYTES = 256;
/** Files that programs keep their state in beside the members that are wanted. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** A task that cannot be carried out leaves the others alone. */
function carryOut(job: ReadingJob): ReadingAnswer {
  const behalf = userOf(job);
  const tree = new SeenTree(job.folder, behalf);
  try {
    return job.tasks.map((task) => {
      try {
        return { found: find(task, job.folder, tree, behalf) };
      } catch (thrown) {
        return { error: errnoOf(thrown) };
      }
    });
  } finally {
    tree.close();
  }
}

function find(task: ReadingTask, folder: number, tree: SeenTree, behalf: OnBehalfOf): unknown {
  switch (task.what) {
    case 'own-words':
      return readOwnWords(folder, task.places);
    case 'holders':
      return lookForHolders(task.pid, task.sockets);
    case 'code':
      return readMappedCode(folder, tree, behalf);
    case 'file':
      return firstFile(tree, task.paths);
    case 'texts':
      return task.wanted.map((wanted) => readText(tree, wanted));
  }
}

function userOf({ folder, uid, gid }: ReadingJob): OnBehalfOf {
  const status = readUpTo(folder, 'status', MAX_STATUS_BYTES).toString('latin1');
  return { uid, groups: new Set([gid, ...statusGroups(status)]) };
}

function firstFile(tree: SeenTree, paths: readonly string[]): SeenFile | undefined {
  for (const path of paths) {
    const opened = tree.open(path);
    if (typeof opened === 'string') continue;
    try {
      const content = opened.sizeBytes > MAX_CODE_FILE_BYTES ? undefined : readWhole(opened.fd, MAX_CODE_FILE_BYTES, false);
      if (content !== undefined) return { path: pathOf(opened.fd), sha256: content.sha256 };
    } finally {
      closeSync(opened.fd);
    }
  }
  return undefined;
}

function readText(tree: SeenTree, { path, members, text, firstLine }: WantedText): FoundText {
  const opened = tree.open(path);
  if (typeof opened === 'string') return { state: opened };
  try {
    if (firstLine === true) return readFirstLine(opened.fd);
    const content = readWhole(opened.fd, members === undefined ? MAX_TEXT_BYTES : MAX_JSON_BYTES, members !== undefined || text === true);
    if (content === undefined) return { state: 'refused' };
    if (members !== undefined) return hashOfMembers(content.bytes, members);
    return { state: 'read', sha256: content.sha256, ...(text === true && { text: content.bytes.toString('utf8') }) };
  } catch {
    return { state: 'refused' };
  } finally {
    closeSync(opened.fd);
  }
}

function readFirstLine(fd: number): FoundText {
  const bytes = Buffer.alloc(MAX_LINE_BYTES);
  const [line = ''] = bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)).split('\n', 1);
  return { state: 'read', sha256: createHash('sha256').update(line, 'latin1').digest('hex'), text: line };
}

const { answers } = workerData as { readonly answers: MessagePort };

parentPort?.on('message', (job: ReadingJob) => {
  let answer: ReadingAnswer;
  try {
    answer = carryOut(job);
  } catch (thrown) {
    const error = errnoOf(thrown);
    answer = job.tasks.map(() => ({ error }));
  }
  answers.postMessage(answer);
});
