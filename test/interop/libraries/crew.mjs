// The libraries at work: two launched processes of each client, both watching, and what is asked of all of them at once.
import { same } from '../results.mjs';

const isUpdate = ({ event }) => event === 'x509';
export const idsOf = ({ svids }) => svids.map(({ id }) => id);
export const serialOf = ({ svids }) => svids[0].serial;
export const updates = (watcher) => watcher.events.filter(isUpdate);

/** The next update of a watcher, from an event on, that satisfies `wanted`. */
export const update = (watcher, from, what, wanted = () => true) => watcher.until((line) => isUpdate(line) && wanted(line), from, what);

/** What a refused process is told: by one more fetch, since a watch may hold back what it will ask again. */
export async function refused(watcher) {
  const { event, code } = await watcher.fetchAgain();
  same([event, code], ['refused', 'PermissionDenied'], `${watcher.name}: a fetch without an identity`);
}

export class Crew {
  #pairs = new Map();

  /** `clients` are those that could be built. */
  constructor(results, trial, mandate, clients) {
    Object.assign(this, { results, trial, mandate, clients });
  }

  launch() {
    for (const client of this.clients) {
      this.#pairs.set(
        client,
        [1, 2].map((i) => this.start(`${client.name} ${i}`, this.mandate.launch(`${client.name}-${i}`, [...client.command, 'watch']))),
      );
    }
  }

  start(name, command) {
    return this.trial.start(name, command, this.mandate);
  }

  pair = (client) => this.#pairs.get(client);

  everyone = () => [...this.#pairs.values()].flat();

  /** Judges both processes at the same time: what one does while the other is waited for must not count as seen before. */
  both = (client, judge) => Promise.all(this.pair(client).map(judge));

  /** One cell per client, all at the same time. A client that cannot be asked says why in `declines`. */
  async each(scenario, attempt) {
    await Promise.all(
      this.clients.map(async (client) => {
        const why = client.declines?.[scenario];
        if (why !== undefined) this.results.notApplicable(client.name, scenario, why);
        else await this.results.cell(client.name, scenario, () => attempt(client));
      }),
    );
  }

  /**
   * A scenario of several stages that every client goes through together, since what changes is there for all of them. A stage is {change,
   * react}: `react(client, from)` counts what comes after the mark `from(watcher)`, which is set before the change, or by the change itself
   * with `mark()` where only what follows its decisive moment may count. The last remark is that of the cell; who failed a stage is out.
   */
  async stages(scenario, stages) {
    const outcome = new Map(this.clients.map((client) => [client, {}]));
    const asked = this.clients.filter(({ declines }) => declines?.[scenario] === undefined);
    const done = this.#carriedOut(stages, asked, outcome);
    await this.each(scenario, async (client) => {
      await done;
      const { error, remark } = outcome.get(client);
      if (error !== undefined) throw error;
      return remark;
    });
  }

  async #carriedOut(stages, asked, outcome) {
    const marks = new Map();
    const mark = () => this.everyone().forEach((watcher) => marks.set(watcher, watcher.mark()));
    const from = (watcher) => marks.get(watcher);
    for (const { change, react } of stages) {
      mark();
      await change(mark);
      await Promise.all(
        asked.map(async (client) => {
          const so = outcome.get(client);
          if (so.error !== undefined) return;
          try {
            so.remark = (await react(client, from)) ?? so.remark;
          } catch (error) {
            so.error = error;
          }
        }),
      );
    }
  }
}
