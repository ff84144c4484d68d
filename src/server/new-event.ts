import { newId } from '../domain/ids';
import type { EventKind, EventRow } from '../domain/lineage';
import type { Random } from '../domain/ports';
import type { EventData } from '../domain/event-data';
import { eventRow } from '../domain/records';

type EventColumns = Pick<EventRow, 'reference' | 'code' | 'agentId' | 'processKey'>;

const NONE: EventColumns = { reference: null, code: null, agentId: null, processKey: null };

/** An event that happens now, with an id of its own, its record bytes, and those columns that it fills. */
export const newEvent = <K extends EventKind>(
  random: Random,
  atMs: number,
  kind: K,
  data: EventData[K],
  columns: Partial<EventColumns> = {},
): EventRow => eventRow({ ...NONE, ...columns, id: newId(random, atMs), kind, atMs }, data);
