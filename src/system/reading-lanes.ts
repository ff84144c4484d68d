import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import type { ReadingAnswer, ReadingJob, ReadingStart } from './reading-job';
import { startThread } from './thread';

const MAX_THREADS = 8;
const MAX_QUEUED = 1024;
/** How long one read may take before whoever asked goes on without it. */
const PATIENCE_MS = 2_000;

interface Asked {
  readonly job: ReadingJob;
  readonly answer: (answer: ReadingAnswer | undefined) => void;
  readonly fail: (error: MandateError) => void;
  /** The job has left the thread, or never gets to one. */
  readonly over: () => void;
}

/** The jobs of one user: one at a time, so that whoever lets a read hang holds one thread, and keeps only its own processes waiting. */
class Lane {
  readonly queue: Asked[] = [];
  running = false;
  /** Its job is out of patience; until the thread comes back nothing else is read for this user. */
  hanging = false;

  constructor(readonly uid: number) {}

  /** Nothing that is queued gets to a thread. */
  refuse(): void {
    for (const { fail, over } of this.queue.splice(0)) {
      over();
      fail(hangs());
    }
  }
}

/** Gives each user's jobs to threads in turn. */
export class ReadingLanes {
  readonly #lanes = new Map<number, Lane>();
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, { readonly lane: Lane; readonly settle: (answer: ReadingAnswer | undefined) => void }>();
  readonly #answers = new Map<Worker, MessagePort>();
  /** Lanes that have a job and no thread, in order of arrival. */
  readonly #waiting: Lane[] = [];
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly variables: ReadingStart['variables'],
  ) {}

  /** `over` is called once, when the job's descriptors are no longer needed; that may be long after the answer, which is undefined where the thread ended. */
  run(job: ReadingJob, over: () => void): Promise<ReadingAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const lane = this.#lane(job.uid);
      const refused =
        this.#closed || lane.hanging ? hangs() : lane.queue.length >= MAX_QUEUED ? new MandateError('E_OVERLOADED') : undefined;
      if (refused !== undefined) {
        over();
        reject(refused);
        return;
      }
      lane.queue.push({ job, answer: resolve, fail: reject, over });
      if (lane.running) return;
      lane.running = true;
      this.#waiting.push(lane);
      this.#assign();
    });
  }

  /** Takes the answers that are there already, which else come with a later turn of the event loop. */
  collect(): void {
    for (const thread of [...this.#busy.keys()]) {
      const received = receiveMessageOnPort(this.#answers.get(thread)!);
      if (received) this.#answered(thread, received.message as ReadingAnswer);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of this.#lanes.values()) lane.refuse();
    const hanging = [...this.#busy].filter(([, { lane }]) => lane.hanging).map(([thread]) => thread);
    const threads = [...this.#idle, ...this.#busy.keys()];
    await Promise.all(threads.filter((thread) => !hanging.includes(thread)).map((thread) => thread.terminate()));
  }

  #lane(uid: number): Lane {
    const lane = this.#lanes.get(uid) ?? new Lane(uid);
    this.#lanes.set(uid, lane);
    return lane;
  }

  #assign(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const thread = this.#idle.pop() ?? (this.#busy.size < MAX_THREADS ? this.#start() : undefined);
      if (thread === undefined) return;
      this.#work(thread, this.#waiting.shift()!);
    }
  }

  #work(thread: Worker, lane: Lane): void {
    const asked = lane.queue.shift()!;
    const stop = this.clock.after(PATIENCE_MS, () => {
      lane.hanging = true;
      asked.fail(hangs());
      lane.refuse();
    });
    const settle = (answer: ReadingAnswer | undefined): void => {
      stop();
      asked.over();
      asked.answer(answer);
    };
    this.#busy.set(thread, { lane, settle });
    thread.postMessage(asked.job);
  }

  /** The thread came back, with an answer or by ending. */
  #done(thread: Worker, answer: ReadingAnswer | undefined): void {
    const current = this.#busy.get(thread);
    if (current === undefined) return;
    this.#busy.delete(thread);
    current.settle(answer);
    const { lane } = current;
    lane.hanging = false;
    if (lane.queue.length > 0) this.#waiting.push(lane);
    else {
      lane.running = false;
      this.#lanes.delete(lane.uid);
    }
  }

  #start(): Worker {
    const { port1, port2 } = new MessageChannel();
    const thread = startThread('reading-thread', { answers: port2, variables: this.variables } satisfies ReadingStart, () => undefined, [
      port2,
    ]);
    this.#answers.set(thread, port1);
    port1.on('message', (answer: ReadingAnswer) => this.#answered(thread, answer));
    // After the listener: adding one takes the reference again.
    port1.unref();
    thread.once('error', () => void thread.terminate());
    thread.once('exit', () => {
      this.#answers.delete(thread);
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#done(thread, undefined);
      this.#assign();
    });
    return thread;
  }

  #answered(thread: Worker, answer: ReadingAnswer): void {
    this.#done(thread, answer);
    this.#idle.push(thread);
    this.#assign();
  }
}

const hangs = (): MandateError =>
  new MandateError('E_ATTEST_UNREADABLE', {
    saw: 'a read that does not come back',
    why: 'its user serves what is to be read, and lets us wait',
  });
