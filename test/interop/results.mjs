// What came out, client by scenario.

/** Collects one cell per client and scenario; a scenario's failure for one client says nothing about the others. */
export class Results {
  #cells = new Map();
  #scenarios = [];

  constructor(clients) {
    this.clients = clients;
  }

  /** Runs `attempt` once per client, all at the same time. It returns what was seen, or throws. */
  async each(scenario, attempt) {
    this.#scenarios.push(scenario);
    const began = Date.now();
    await Promise.all(
      this.clients.map(async (client) => {
        if (client.missing !== undefined) return this.#set(scenario, client.name, { state: 'skipped', text: client.missing });
        try {
          const seen = await attempt(client);
          if (seen?.notApplicable !== undefined) this.#set(scenario, client.name, { state: 'n/a', text: seen.notApplicable });
          else this.#set(scenario, client.name, { state: 'ok', text: seen ?? '' });
        } catch (error) {
          this.#set(scenario, client.name, { state: 'FAILED', text: error.message });
        }
      }),
    );
    process.stderr.write(`  ${scenario}: ${this.#line(scenario)}  ${((Date.now() - began) / 1000).toFixed(1)}s\n`);
  }

  #set(scenario, client, cell) {
    this.#cells.set(`${scenario}\0${client}`, cell);
  }

  #cell = (scenario, client) => this.#cells.get(`${scenario}\0${client}`) ?? { state: 'FAILED', text: 'not reached' };

  #line = (scenario) => this.clients.map(({ name }) => `${name} ${this.#cell(scenario, name).state}`).join(', ');

  /** The table, then why each cell is what it is where that needs words. */
  text() {
    const width = Math.max(...this.#scenarios.map((scenario) => scenario.length)) + 2;
    const columns = this.clients.map(({ name }) => Math.max(name.length, 8) + 2);
    const row = (first, cells) => `${first.padEnd(width)}${cells.map((cell, i) => cell.padEnd(columns[i])).join('')}`.trimEnd();
    const rows = this.#scenarios.map((scenario) =>
      row(
        scenario,
        this.clients.map(({ name }) => this.#cell(scenario, name).state),
      ),
    );
    const notes = this.#scenarios.flatMap((scenario) =>
      this.clients.flatMap(({ name }) => {
        const { state, text } = this.#cell(scenario, name);
        return text === ''
          ? []
          : [`${state === 'ok' || state === 'n/a' ? ' ' : '!'} ${scenario} · ${name} · ${state === 'ok' ? '' : `${state}: `}${text}`];
      }),
    );
    return [
      row(
        '',
        this.clients.map(({ name }) => name),
      ),
      ...rows,
      '',
      ...notes,
      '',
    ].join('\n');
  }

  count(state) {
    return this.#scenarios.flatMap((scenario) => this.clients.filter(({ name }) => this.#cell(scenario, name).state === state)).length;
  }
}

/** Throws with both values where they differ. */
export function same(seen, expected, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: saw ${a}, expected ${b}`);
}
