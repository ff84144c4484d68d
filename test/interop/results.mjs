// What came out, client by scenario. Every part of the suite writes its cells here; a cell that nobody wrote counts as failed.
import { SCENARIOS } from './scenarios.mjs';
import { SIGNS, tableText } from './table.mjs';

export class Results {
  #clients = [];
  #cells = new Map();
  #rest = new Map();
  #partial;
  #tell;

  /** `partial`: only some parts were asked for, so a cell that nobody wrote is left empty instead of failed. `tell` gets a line per cell. */
  constructor({ partial = false, tell = () => undefined } = {}) {
    this.#partial = partial;
    this.#tell = tell;
  }

  /** Adds columns, in this order; parts that judge the same client share its column. */
  columns(names) {
    this.#clients.push(...names.filter((name) => !this.#clients.includes(name)));
  }

  /** Runs one cell. `run` returns a remark or nothing, or {notApplicable: why} where the client itself showed that; it throws where it fails. */
  async cell(client, scenario, run) {
    this.#free(client, scenario);
    const began = Date.now();
    try {
      const seen = await run();
      if (seen?.notApplicable !== undefined) this.#set(client, scenario, { state: 'n/a', text: seen.notApplicable }, began);
      else this.#set(client, scenario, { state: 'ok', text: seen ?? '' }, began);
    } catch (error) {
      this.#set(client, scenario, { state: 'failed', text: error.message }, began);
    }
  }

  /** This scenario cannot be asked of this client; `why` becomes a footnote. */
  notApplicable(client, scenario, why) {
    this.#free(client, scenario);
    this.#set(client, scenario, { state: 'n/a', text: why });
  }

  /** The machine has no tools to build this client: every cell of it that nobody judges is skipped. */
  skipped(client, why) {
    this.#rest.set(client, { state: 'skipped', text: why });
    this.#tell(`  ${SIGNS.skipped} ${client} · ${why}`);
  }

  /** A client did not build, or its part broke off: what nobody has judged of it failed for that reason. */
  unreached(client, why) {
    if (this.#rest.has(client)) return;
    this.#rest.set(client, { state: 'failed', text: `not reached: ${why.trimEnd()}` });
    this.#tell(`  ${SIGNS.failed} ${client} · ${why}`);
  }

  count(state) {
    return this.#rows().flatMap(({ cells }) => cells.filter((cell) => cell.state === state)).length;
  }

  text() {
    return tableText(this.#clients, this.#rows());
  }

  #rows() {
    return Object.entries(SCENARIOS)
      .map(([scenario, { title }]) => ({ title, cells: this.#clients.map((client) => this.#at(client, scenario)) }))
      .filter(({ cells }) => cells.some(({ state }) => state !== 'n/a' && state !== 'empty'));
  }

  #at(client, scenario) {
    const { only, otherwise } = SCENARIOS[scenario];
    if (only !== undefined && !only.includes(client)) return { state: 'n/a', text: otherwise };
    const untried = this.#partial ? { state: 'empty', text: '' } : { state: 'failed', text: 'not tried' };
    return this.#cells.get(`${client}\0${scenario}`) ?? this.#rest.get(client) ?? untried;
  }

  #free(client, scenario) {
    if (!this.#clients.includes(client)) throw new Error(`no column ${client}`);
    if (SCENARIOS[scenario] === undefined) throw new Error(`no scenario ${scenario}`);
    if (this.#cells.has(`${client}\0${scenario}`)) throw new Error(`${client} × ${scenario} was judged before`);
  }

  #set(client, scenario, cell, began) {
    this.#cells.set(`${client}\0${scenario}`, cell);
    const took = began === undefined ? '' : `  ${((Date.now() - began) / 1000).toFixed(1)}s`;
    const why = cell.state === 'failed' ? `\n    ${cell.text}` : '';
    this.#tell(`  ${SIGNS[cell.state]} ${client} · ${SCENARIOS[scenario].title}${took}${why}`);
  }
}

/** Throws with both values where they differ. */
export function same(seen, expected, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: saw ${a}, expected ${b}`);
}
