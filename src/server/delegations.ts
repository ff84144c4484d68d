import { delegationEndsAt, rootDelegation } from '../domain/delegation';
import { newId, newSuffix } from '../domain/ids';
import type { DelegationRow, PersonRow } from '../domain/lineage';
import type { Clock, LineageReader, Random } from '../domain/ports';
import type { LiveAgent, LiveProcess, Living } from './living';

type Attested = Pick<LiveProcess, 'evidence'>;

export interface DelegationParts {
  readonly living: Living;
  readonly reader: Pick<LineageReader, 'person'>;
  readonly clock: Clock;
  readonly random: Random;
  /** UID_MIN of this machine: accounts below it are nobody's. */
  readonly uidMin: number;
}

/** Finds the human behind an agent's first process, or where the chain stops before one. */
export class Delegations {
  readonly #persons = new Map<string, PersonRow>();

  constructor(private readonly parts: DelegationParts) {}

  /**
   * The agent that an attested process without a launch is, or would be, the first of: its root delegation is implicit, since only a rule
   * allows it.
   */
  async firstOfItsTree(process: Attested): Promise<LiveAgent> {
    const { clock, random, living } = this.parts;
    const startedAtMs = clock.nowMs();
    const agentId = newId(random, startedAtMs);
    const { delegation, person } = await this.root(process, agentId, {
      terminal: false,
      launch: false,
      agentAmongAncestors: false,
    });
    const program =
      process.evidence.facts
        .find((fact) => fact.type === 'binary.path')
        ?.value.split('/')
        .at(-1) ?? 'process';
    return {
      row: {
        id: agentId,
        name: `${agentName(program)}-${newSuffix(random, 4)}`,
        deviceId: living.device.id,
        delegationId: delegation.id,
        launchId: null,
        startedAtMs,
      },
      delegation,
      person,
      launch: undefined,
      processes: new Set(),
      durable: false,
    };
  }

  /** The root delegation of an agent that begins with this process, not recorded yet. */
  async root(
    process: Attested,
    agentId: string,
    how: { readonly terminal: boolean; readonly launch: boolean; readonly agentAmongAncestors: boolean },
  ): Promise<{ delegation: DelegationRow; person: PersonRow | undefined }> {
    const { clock, random, uidMin } = this.parts;
    const startedAtMs = clock.nowMs();
    const { uid } = process.evidence;
    const root = rootDelegation({ uid, userName: factOf(process, 'user.name'), uidMin, ...how });
    const person = root.person ? await this.#person(root.person.uid, root.person.name) : undefined;
    return {
      person,
      delegation: {
        id: newId(random, startedAtMs),
        parentId: null,
        agentId,
        personId: person?.id ?? null,
        assurance: root.assurance,
        given: root.given,
        startedAtMs,
        endsAtMs: delegationEndsAt(startedAtMs),
        stopCode: root.stopCode,
        stopReason: root.stopReason,
      },
    };
  }

  async #person(uid: number, name: string): Promise<PersonRow> {
    const { living, reader, random, clock } = this.parts;
    const key = `${uid}:${name}`;
    const known = this.#persons.get(key);
    if (known) return known;
    const recorded = await reader.person(living.device.id, uid, name);
    const nowMs = clock.nowMs();
    const person: PersonRow = this.#persons.get(key) ?? {
      id: recorded?.id ?? newId(random, nowMs),
      kind: 'os-account',
      name,
      uid,
      deviceId: living.device.id,
      firstSeenAtMs: nowMs,
    };
    this.#persons.set(key, person);
    return person;
  }
}

export const factOf = (process: Attested, type: string): string | undefined =>
  process.evidence.facts.find((fact) => fact.type === type)?.value;

/** A program's file name as the first part of an agent's name: what people read, bounded and plain. */
export const agentName = (program: string): string =>
  program
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 40) || 'agent';
