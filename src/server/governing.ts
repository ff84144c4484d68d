import { CONFIGURATION } from '../domain/configuration';
import type { Evidence } from '../domain/evidence';
import type { GovernedRow } from '../domain/lineage';

export interface ConfigurationChange {
  readonly first: string;
  readonly now: string;
  /** Digest of the evidence that shows it. */
  readonly evidenceDigest: string;
}

/**
 * What governed each process at the first look, and whether it has changed since. Once it has it stays in doubt for the life of the process: by the time it is put
 * back, the agent may have read the other files.
 */
export class Governing {
  readonly #byKey = new Map<string, { readonly first: string; last: string; doubted: boolean }>();

  /** `change` is set where it differs from the look before, and from the first one. A look that found nothing says nothing. */
  look(evidence: Evidence, evidenceDigest: string): { readonly doubted: boolean; readonly change: ConfigurationChange | undefined } {
    const { processKey } = evidence;
    const now = evidence.facts.find(({ type }) => type === CONFIGURATION)?.value;
    const known = this.#byKey.get(processKey);
    if (now === undefined) return { doubted: known?.doubted ?? false, change: undefined };
    if (known === undefined) {
      this.#byKey.set(processKey, { first: now, last: now, doubted: false });
      return { doubted: false, change: undefined };
    }
    const { first, last } = known;
    known.last = now;
    known.doubted ||= now !== first;
    return { doubted: known.doubted, change: now === last || now === first ? undefined : { first, now, evidenceDigest } };
  }

  /** Takes up what the lineage says of a process that lived before this server did. */
  resume({ processKey, first, last, changedAtMs }: GovernedRow): void {
    this.#byKey.set(processKey, { first, last, doubted: changedAtMs !== null });
  }

  /** Forgets all processes but these. */
  keep(lives: (processKey: string) => boolean): void {
    for (const processKey of this.#byKey.keys()) if (!lives(processKey)) this.#byKey.delete(processKey);
  }

  ended(processKey: string): void {
    this.#byKey.delete(processKey);
  }
}
