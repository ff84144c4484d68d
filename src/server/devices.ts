import { newId } from '../domain/ids';
import type { DeviceRow } from '../domain/lineage';
import type { LineageReader } from '../domain/ports';
import type { NodeHello } from '../generated/proto/mandate/v1/node_link_pb';
import { Delegations } from './delegations';
import { DeviceSession, type DeviceSessionParts } from './device-session';
import { Entitlements } from './entitlement';
import { Issuer } from './issue';
import { Living } from './living';
import { newEvent } from './new-event';
import { Refuser } from './refuse';

/** Agents taken up again at the start of a server. */
const MAX_OPEN_AGENTS = 50_000;
const MAX_TEXT = 256;

export interface DevicesParts extends Omit<
  DeviceSessionParts,
  'living' | 'delegations' | 'entitlements' | 'issuer' | 'refuser' | 'groupsMissing'
> {
  readonly reader: LineageReader;
  readonly uidMin: number;
  readonly jwtPerMinute: number;
  readonly oidcIssuer: string | null;
}

/** The devices whose nodes were linked since the server started, and what lives on each. */
export class Devices {
  readonly #living = new Map<string, Living>();

  constructor(private readonly parts: DevicesParts) {}

  /** Admits a node: what lives on its device is taken from the lineage the first time, and kept from then on. */
  async admit(hello: NodeHello): Promise<DeviceSession> {
    const { parts } = this;
    const device = await this.#device(hello);
    let living = this.#living.get(device.id);
    if (living) living.relinked();
    else {
      living = new Living(device);
      const open = (await parts.reader.agents({ ended: false }, MAX_OPEN_AGENTS)).filter(({ agent }) => agent.deviceId === device.id);
      const processKeys = open.flatMap(({ processes }) => processes.map(({ key }) => key));
      living.restore(open, await parts.reader.governed(processKeys));
      this.#living.set(device.id, living);
    }
    const delegations = new Delegations({ ...parts, living });
    const entitlements = new Entitlements({ ...parts, living, delegations });
    const issuer = new Issuer({ ...parts, living, entitlements });
    const refuser = new Refuser({ ...parts, living });
    const groupsMissing = hello.groupsMissing.slice(0, MAX_TEXT);
    return new DeviceSession({ ...parts, living, delegations, entitlements, issuer, refuser, groupsMissing });
  }

  /** The agent a process belongs to, by what the server knows without a node. */
  agentOfKey(processKey: string): string | undefined {
    for (const living of this.#living.values()) {
      const agent = living.agentOfKey(processKey);
      if (agent) return agent.row.id;
    }
    return undefined;
  }

  /** A device that was linked before; one server under `up` has one. */
  any(): string | undefined {
    return [...this.#living.keys()][0];
  }

  async #device(hello: NodeHello): Promise<DeviceRow> {
    const { reader, clock, random, lineage } = this.parts;
    const clip = (text: string) => text.slice(0, MAX_TEXT);
    const nowMs = clock.nowMs();
    const known = await reader.device(clip(hello.machineId));
    const device: DeviceRow = {
      id: known?.id ?? newId(random, nowMs),
      machineId: clip(hello.machineId),
      hostname: clip(hello.hostname),
      os: clip(hello.os),
      kernel: clip(hello.kernel),
      assurance: 'declared',
      firstSeenAtMs: nowMs,
    };
    if (known) return device;
    const { id: deviceId, assurance, os, kernel } = device;
    const event = newEvent(random, nowMs, 'device-seen', { deviceId, assurance, os, kernel });
    await lineage.append({ fact: { event }, devices: [device] });
    return device;
  }
}
