// The watching tools as a crew: their lines are read by translators, and a refusal is what the process itself says of its stream.
import { Crew } from '../libraries/crew.mjs';
import { Watcher } from '../watcher.mjs';

export class ToolWatcher extends Watcher {
  /** The kind of process whose lines a reader of this make reads: see lines.mjs. */
  static reading(makeReader) {
    return class extends ToolWatcher {
      constructor(name, command, env) {
        super(name, command, env, makeReader());
      }
    };
  }

  /** A tool takes no orders: it tells by itself that its stream was refused, after all it was ever given. */
  fetchAgain() {
    const from = this.events.findLastIndex(({ event }) => event === 'x509') + 1;
    return this.until(({ event }) => event === 'refused', from, 'its own word of the refusal');
  }
}

export class ToolCrew extends Crew {
  start(name, command) {
    const { read } = this.clients.find((client) => name.startsWith(client.name));
    return this.trial.start(name, command, this.mandate, { TMPDIR: this.mandate.folder }, ToolWatcher.reading(read));
  }
}
