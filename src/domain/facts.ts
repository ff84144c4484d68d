import type { ProcessAssurance } from './assurance';
import { atLeast } from './assurance';
import type { Evidence, Fact } from './evidence';

/** The facts of one piece of evidence by selector type: built once, asked many times. */
export class FactIndex {
  readonly #byType = new Map<string, Fact[]>();

  /** Facts of a `doubted` selector type count as declared, whatever the evidence says. */
  constructor(
    readonly evidence: Evidence,
    doubted?: string,
  ) {
    for (const stated of evidence.facts) {
      const fact: Fact = stated.type === doubted ? { ...stated, assurance: 'declared' } : stated;
      const known = this.#byType.get(fact.type);
      if (known === undefined) this.#byType.set(fact.type, [fact]);
      else known.push(fact);
    }
  }

  /** Every fact of that selector type, declared ones included; empty where there is none. */
  of(type: string): readonly Fact[] {
    return this.#byType.get(type) ?? NONE;
  }
}

const NONE: readonly Fact[] = [];

/**
 * How well the asking process is known: `measured`, or stronger, where the contents of its program were hashed; else `observed`, because
 * the kernel named the peer. Never `declared`: what a process says of itself is no evidence at all.
 */
export function processAssurance(facts: FactIndex): ProcessAssurance {
  for (const { assurance } of facts.of('binary.sha256')) {
    if (atLeast('process', assurance, 'measured')) return assurance;
  }
  return 'observed';
}
