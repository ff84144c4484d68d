import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { statusGroups } from '../domain/proc-text';
import { type GovernedAgent, governedAgent } from '../domain/governed-by';
import { type RunningScript, runningScript, type SeenFiles } from '../domain/running-script';
import type { AgentAsked, FoundText, OwnWords, SeenFile, WantedText } from '../domain/attestation';
import { linkAt, pathOf } from './below';
import { errnoOf } from './errno';
import { lookForHolders } from './holders';
import { hashOfMembers } from './json-members';
import { readMappedCode } from './mapped-code';
import { readOwnWords } from './own-words';
import { recordAt } from './proc-folder';
import type { ReadingAnswer, ReadingJob, ReadingStart, ReadingTask, TaskAnswer } from './reading-job';
import { type OnBehalfOf, readWhole, SeenTree } from './seen-tree';
import { stepBack } from './step-back';

const { answers, variables } = workerData as ReadingStart;

/** Carries out one job at a time, for as long as that takes: whoever asked waits no longer than it wants to. */

// Most files that are asked for are not there, and nobody sees where that was noticed: half the cost of a look.
Error.stackTraceLimit = 0;

const MAX_CODE_FILE_BYTES = 64 * 1024 * 1024;
const MAX_TEXT_BYTES = 256 * 1024;
/** As much of a `#!` line as the kernel reads. */
const MAX_LINE_BYTES = 256;
/** Files that programs keep their state in beside the members that are wanted. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** A task that cannot be carried out leaves the others alone. */
async function carryOut(job: ReadingJob): Promise<ReadingAnswer> {
  const look = new Look(job);
  const answers: TaskAnswer[] = [];
  try {
    for (const task of job.tasks) {
      try {
        answers.push({ found: await look.find(task) });
      } catch (thrown) {
        answers.push({ error: errnoOf(thrown) });
      }
    }
    return answers;
  } finally {
    look.close();
  }
}

/** One look at a process: its tasks share what was read and opened. */
class Look implements SeenFiles {
  readonly #behalf: OnBehalfOf;
  readonly #tree: SeenTree;
  #words: OwnWords | undefined;
  #found: Promise<RunningScript | undefined> | undefined;

  constructor(private readonly job: ReadingJob) {
    this.#behalf = userOf(job);
    this.#tree = new SeenTree(job.folder, this.#behalf);
  }

  /** Only what follows from what was found is awaited here, never anybody outside: one job after the other. */
  find(task: ReadingTask): unknown {
    const { folder } = this.job;
    switch (task.what) {
      case 'own-words':
        return this.#ownWords();
      case 'script':
        return this.#script(task.args ?? this.#ownWords().args);
      case 'agent':
        return this.#agent(task.asked);
      case 'holders':
        return lookForHolders(task.pid, task.sockets);
      case 'code':
        return readMappedCode(folder, this.#tree, this.#behalf);
      case 'file':
        return this.file(task.paths);
      case 'texts':
        return this.texts(task.wanted);
    }
  }

  readonly file = (paths: readonly string[]): SeenFile | undefined => firstFile(this.#tree, paths);

  readonly texts = (wanted: readonly WantedText[]): readonly FoundText[] => wanted.map((one) => readText(this.#tree, one));

  #script(args: readonly string[]): Promise<RunningScript | undefined> {
    return (this.#found ??= runningScript(linkAt(this.job.folder, 'exe'), args, this));
  }

  async #agent({ home, launched }: AgentAsked): Promise<GovernedAgent | undefined> {
    const { folder } = this.job;
    const { args, places } = this.#ownWords();
    const script = await this.#script(args);
    const runs = { exe: linkAt(folder, 'exe'), package: script?.package, launched };
    return governedAgent(runs, { home, project: linkAt(folder, 'cwd'), said: places }, this.texts);
  }

  #ownWords(): OwnWords {
    return (this.#words ??= readOwnWords(this.job.folder, variables));
  }

  close(): void {
    this.#tree.close();
  }
}

/** Root is asked for no group. */
function userOf({ folder, uid, gid }: ReadingJob): OnBehalfOf {
  return { uid, groups: new Set(uid === 0 ? [gid] : [gid, ...statusGroups(recordAt(folder, 'status'))]) };
}

function firstFile(tree: SeenTree, paths: readonly string[]): SeenFile | undefined {
  for (const path of paths) {
    const opened = tree.open(path);
    if (typeof opened === 'string') continue;
    try {
      const content = opened.sizeBytes > MAX_CODE_FILE_BYTES ? undefined : readWhole(opened, MAX_CODE_FILE_BYTES, false);
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
    const content = readWhole(opened, members === undefined ? MAX_TEXT_BYTES : MAX_JSON_BYTES, members !== undefined || text === true);
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

stepBack();

parentPort?.on('message', (job: ReadingJob) => {
  carryOut(job).then(
    (answer) => answers.postMessage(answer),
    (thrown: unknown) => {
      const error = errnoOf(thrown);
      answers.postMessage(job.tasks.map(() => ({ error })));
    },
  );
});
