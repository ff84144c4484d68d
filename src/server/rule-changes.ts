import type { Clock } from '../domain/ports';
import type { Configuration } from './configuration';
import type { NodeApi } from './node-api';
import type { Rules } from './rules';

/** The timers of a machine that slept run late: the wall clock is compared at least this often. */
const LONGEST_WAIT_MS = 10_000;

export interface RuleChangesParts {
  readonly rules: Rules;
  readonly configuration: Configuration;
  readonly node: Pick<NodeApi, 'session' | 'tell'>;
  readonly clock: Clock;
}

/** Puts into force what changes the answers of rules: new rules, new statements of manifests, and the end of a grace by the clock alone. */
export class RuleChanges {
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(private readonly parts: RuleChangesParts) {}

  /** The rules as they are now count from here on, and every process whose answer they alter is asked to ask again. */
  take(): void {
    const { rules, configuration, node } = this.parts;
    configuration.change({ rules: rules.compiled });
    const processKeys = node.session?.changedByRules() ?? [];
    if (processKeys.length > 0) node.tell({ case: 'poke', value: { processKeys } });
    this.awaitGrace();
  }

  /** Waits for the next instant at which a grace ends. */
  awaitGrace(): void {
    const { rules, clock } = this.parts;
    this.#cancel();
    const { changesAtMs } = rules.compiled;
    if (changesAtMs === undefined || this.#closed) return;
    const leftMs = Math.max(1, changesAtMs - clock.nowMs());
    this.#cancel = clock.after(Math.min(leftMs, LONGEST_WAIT_MS), () => {
      if (clock.nowMs() < changesAtMs) return this.awaitGrace();
      rules.recompile();
      this.take();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }
}
