// What one part of the suite starts, so that all of it is gone when the part ends, however it ends.
import { Mandate } from './mandate.mjs';
import { Watcher } from './watcher.mjs';

export class Trial {
  #installations = [];
  #ends = [];
  /** Every client process started so far. */
  watchers = [];

  /** A running installation of its own; `settings(folder)` are for its mandate.yaml. */
  async installation(settings) {
    const mandate = new Mandate(settings);
    this.#installations.push(mandate);
    await mandate.up();
    return mandate;
  }

  /** A client process that knows nothing of the installation but its socket. `Kind` is how its lines are read. */
  start(name, command, mandate, env = {}, Kind = Watcher) {
    const watcher = new Kind(name, command, { ...mandate.env(), SPIFFE_ENDPOINT_SOCKET: mandate.workloadApi, ...env });
    this.watchers.push(watcher);
    return watcher;
  }

  /** Anything else to be undone; the last one first, before processes and installations end. What fails at it keeps nothing else from its end. */
  atEnd(undo) {
    this.#ends.push(undo);
  }

  async end() {
    for (const undo of this.#ends.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        process.stderr.write(`  left behind: ${error.message}\n`);
      }
    }
    await Promise.all(this.watchers.map((watcher) => watcher.end()));
    await Promise.all(this.#installations.splice(0).map((mandate) => mandate.remove()));
  }
}
