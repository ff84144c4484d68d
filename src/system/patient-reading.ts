import type { Holders } from '../domain/connection';
import { MandateError } from '../domain/errors';
import type { AgentAsked, FoundText, MappedCode, OwnWords, PatientReader, ProcessView, SeenFile, WantedText } from '../domain/attestation';
import { type GovernedAgent, governedAgent } from '../domain/governed-by';
import type { Clock } from '../domain/ports';
import type { RunningScript } from '../domain/running-script';
import type { WantedVariables } from './own-words';
import type { ReadingAnswer, ReadingTask } from './reading-job';
import { ReadingLanes } from './reading-lanes';

/** Mappings younger than this are not read again, since they are the dearest part of a look; a rotation finds them older. */
const CODE_FRESH_MS = 30_000;
/** A process that connects calls in a moment. One that does not is governed by what its files say when it calls. */
const AHEAD_MS = 1_000;

/** What is asked about one program in one turn. */
interface Batch {
  readonly tasks: ReadingTask[];
  readonly answer: Promise<ReadingAnswer | undefined>;
  /** Gives the job to a thread; nothing more is added to it then. */
  readonly send: () => void;
}

/** Reads on threads of its own, started when first needed: none of what it reads may keep the main thread waiting. */
export class PatientReading implements PatientReader {
  readonly #lanes: ReadingLanes;
  /** By program image: what a process says of itself later is worth even less than what it said first. */
  readonly #words = new WeakMap<object, Promise<OwnWords>>();
  readonly #code = new WeakMap<object, { readonly readAtMs: number; readonly code: Promise<MappedCode> }>();
  readonly #agents = new WeakMap<
    object,
    { readonly readAtMs: number; readonly asked: AgentAsked; readonly agent: Promise<GovernedAgent | undefined> }
  >();

  readonly #batches = new Map<object, Batch>();

  constructor(
    private readonly clock: Clock,
    variables: WantedVariables,
  ) {
    this.#lanes = new ReadingLanes(clock, variables);
  }

  ownWords(view: ProcessView): Promise<OwnWords> {
    const { image } = view;
    const known = this.#words.get(image);
    if (known !== undefined) return known;
    const asked = this.#ask<OwnWords>(view, { what: 'own-words' });
    this.#words.set(image, asked);
    asked.catch(() => this.#words.delete(image));
    return asked;
  }

  code(view: ProcessView): Promise<MappedCode> {
    const { image } = view;
    const known = this.#code.get(image);
    const readAtMs = this.clock.monotonicMs();
    if (known !== undefined && readAtMs - known.readAtMs < CODE_FRESH_MS) return known.code;
    const code = this.#ask<MappedCode>(view, { what: 'code' });
    this.#code.set(image, { readAtMs, code });
    code.catch(() => this.#code.delete(image));
    return code;
  }

  script(view: ProcessView): Promise<RunningScript | undefined> {
    const words = this.ownWords(view);
    if (this.#newcomer(view)) return this.#ask(view, { what: 'script', args: undefined });
    return words.then(({ args }) => this.#ask(view, { what: 'script', args }));
  }

  agentAhead(view: ProcessView, asked: AgentAsked): void {
    if (this.#words.has(view.image) && !this.#newcomer(view)) return;
    this.ownWords(view).catch(() => undefined);
    const agent = this.#ask<GovernedAgent | undefined>(view, { what: 'agent', asked });
    agent.catch(() => undefined); // `agent` finds the same fault
    this.#agents.set(view.image, { readAtMs: this.clock.monotonicMs(), asked, agent });
  }

  async agent(view: ProcessView, asked: AgentAsked, script: RunningScript | undefined): Promise<GovernedAgent | undefined> {
    const { image } = view;
    const ahead = this.#agents.get(image);
    this.#agents.delete(image);
    const counts = ahead !== undefined && this.clock.monotonicMs() - ahead.readAtMs <= AHEAD_MS && ahead.asked.launched === asked.launched;
    if (counts) return ahead.agent;
    const { places } = await this.ownWords(view);
    const runs = { exe: view.link('exe'), package: script?.package, launched: asked.launched };
    return governedAgent(runs, { home: asked.home, project: view.link('cwd'), said: places }, (files) => this.texts(view, files));
  }

  /** True where its own words are asked for in this turn. */
  #newcomer({ image }: ProcessView): boolean {
    return this.#batches.get(image)?.tasks.some(({ what }) => what === 'own-words') === true;
  }

  file(view: ProcessView, paths: readonly string[]): Promise<SeenFile | undefined> {
    return this.#ask<SeenFile | undefined>(view, { what: 'file', paths });
  }

  texts(view: ProcessView, wanted: readonly WantedText[]): Promise<readonly FoundText[]> {
    return this.#ask<readonly FoundText[]>(view, { what: 'texts', wanted });
  }

  /** Who holds these sockets, which are of a process, beside it: as it is now, so it is never answered from what was seen before. */
  holders(view: ProcessView, sockets: readonly string[]): Promise<Holders> {
    return this.#ask<Holders>(view, { what: 'holders', pid: view.pid, sockets });
  }

  /** What was asked for in this turn goes to threads now, where the turn goes on for a while. */
  send(): void {
    for (const { send } of [...this.#batches.values()]) send();
  }

  /** Takes the answers that are there already, for whoever waits for them, without a turn of the event loop. */
  collect(): void {
    this.#lanes.collect();
  }

  /** A thread that still waits for somebody is left to the end of the process. */
  close(): Promise<void> {
    return this.#lanes.close();
  }

  async #ask<Found>(view: ProcessView, task: ReadingTask): Promise<Found> {
    const { tasks, answer } = this.#batch(view);
    const at = tasks.push(task) - 1;
    const found = (await answer)?.[at] ?? { error: 'the end of a thread' };
    if ('found' in found) return found.found as Found;
    if (!view.alive()) throw new MandateError('E_PEER_GONE');
    throw new MandateError('E_ATTEST_UNREADABLE', { saw: `${found.error} while reading what the process serves` });
  }

  /** The tasks of one turn go to a thread together: each answer has to wait until the main thread has time to fetch it. */
  #batch(view: ProcessView): Batch {
    const { image } = view;
    const open = this.#batches.get(image);
    if (open !== undefined) return open;
    const tasks: ReadingTask[] = [];
    let send!: () => void;
    const answer = new Promise<ReadingAnswer | undefined>((resolve) => {
      send = () => {
        if (this.#batches.get(image) !== batch) return;
        this.#batches.delete(image);
        resolve(this.#run(view, tasks));
      };
    });
    const batch = { tasks, answer, send };
    this.#batches.set(image, batch);
    queueMicrotask(send);
    return batch;
  }

  async #run(view: ProcessView, tasks: readonly ReadingTask[]): Promise<ReadingAnswer | undefined> {
    const folder = view.openFolder();
    return this.#lanes.run({ folder: folder.fd, uid: view.uid, gid: view.gid, tasks }, () => folder.close());
  }
}
