import type { Log } from '../domain/ports';
import { answered } from '../wire/refusal';
import type { Images } from './images';
import type { Serving } from './serve';
import type { Served } from './served';

/** Streams that are written to before other work gets its turn; each costs some 20 µs. */
const STREAMS_A_TURN = 500;

/**
 * A changed bundle on its way to every open stream. It is sent beside what was attested before, so each process is looked at again first:
 * once for all of its streams. A change that comes meanwhile begins anew, and nothing is sent that is not the newest.
 */
export class BundleChange {
  readonly #waiting = new Set<Served>();
  #scheduled = false;

  constructor(
    private readonly images: Images,
    private readonly serving: Serving,
    private readonly log: Log,
  ) {}

  /** `concerns` says whom: the keys of a partner are told to those alone who may know it. */
  changed(concerns: (served: Served) => boolean): void {
    for (const served of this.images.all()) if (concerns(served)) this.#waiting.add(served);
    if (!this.#scheduled) this.#turn();
  }

  #turn(): void {
    this.#scheduled = false;
    let streams = 0;
    for (const served of this.#waiting) {
      if (streams >= STREAMS_A_TURN) {
        this.#scheduled = true;
        setImmediate(() => this.#turn());
        return;
      }
      this.#waiting.delete(served);
      streams += served.subscribers.size;
      if (served.subscribers.size > 0) this.#tell(served);
    }
  }

  #tell(served: Served): void {
    if (served.sole) return void this.serving.refresh(served);
    try {
      this.images.check(served);
      for (const subscriber of [...served.subscribers]) subscriber.changed(served);
    } catch (thrown) {
      if (!served.over) served.endAll(answered(thrown, this.log, { process: served.process.key }));
    }
  }
}
