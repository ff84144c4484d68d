import { newReference } from '../domain/ids';
import type { EventKind, EventRow } from '../domain/lineage';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import type { EventData } from '../domain/event-data';
import type { Standing } from './callers';
import { newEvent } from './new-event';

/** Refused connections on record in a minute; beyond that they are only logged: whoever knocks in a loop must not fill the lineage. */
const CONNECTION_REFUSALS_PER_MINUTE = 60;

export interface Asker {
  readonly pid: number;
  readonly uid: number;
}

export interface JournalParts {
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The device whose node is linked. */
  readonly deviceId: () => string | undefined;
  readonly metrics: { refused(by: 'verb' | 'socket', code: string): void };
}

/** Writes what the server does, and refuses to do, into the lineage. */
export class Journal {
  #minute = 0;
  #refusedConnections = 0;

  constructor(private readonly parts: JournalParts) {}

  /** Resolves when the event is durable. */
  event<K extends EventKind>(kind: K, data: EventData[K], columns: Partial<EventRow> = {}): Promise<void> {
    const { clock, random, lineage } = this.parts;
    return lineage.append({ fact: { event: newEvent(random, clock.nowMs(), kind, data, columns) } });
  }

  /** Who asked, as a record says it. */
  asked({ pid, uid }: Asker): { deviceId: string | null; pid: number; uid: number; evidenceDigest: null } {
    return { deviceId: this.parts.deviceId() ?? null, pid, uid, evidenceDigest: null };
  }

  /** Who administered, and how it is known that a person did. */
  administered(caller: Asker, { person }: Pick<Standing, 'person'>) {
    return { ...this.asked(caller), person };
  }

  /** A verb was refused to a caller who was attested. */
  async refusedVerb(verb: string, caller: Asker & { readonly key: string }, code: string, agentId: string | undefined): Promise<void> {
    this.parts.metrics.refused('verb', code);
    this.parts.log.warn({ verb, caller: caller.pid, uid: caller.uid, code, agent: agentId }, 'admin call refused');
    const columns = { code, reference: newReference(this.parts.random), agentId: agentId ?? null, processKey: caller.key };
    await this.event('admin-refused', { verb, ...this.asked(caller) }, columns);
  }

  /** A connection was refused before anything was asked on it. */
  refusedConnection(socket: 'link' | 'admin', asker: Asker, code: string): void {
    const { clock, random, log, metrics } = this.parts;
    metrics.refused('socket', code);
    const minute = Math.floor(clock.monotonicMs() / 60_000);
    if (minute !== this.#minute) [this.#minute, this.#refusedConnections] = [minute, 0];
    if (this.#refusedConnections++ >= CONNECTION_REFUSALS_PER_MINUTE) return;
    log.warn({ socket, caller: asker.pid, uid: asker.uid, code }, 'connection refused');
    this.event('admin-refused', { verb: socket, ...this.asked(asker) }, { code, reference: newReference(random) }).catch((error: unknown) =>
      log.error({ err: error }, 'refusal not recorded'),
    );
  }
}
