import { MandateError } from '../domain/errors';
import type { NodeApi } from './node-api';

/** A pinned caller: who the kernel says it is, and how to ask whether it still is. */
export interface PinnedCaller {
  readonly pid: number;
  readonly uid: number;
  readonly key: string;
  alive(): boolean;
  /** Keys of its living ancestors, nearest first; needs no privilege. */
  ancestorKeys(): readonly string[];
}

/** What a caller may see and do. */
export interface Standing {
  readonly uid: number;
  readonly administrator: boolean;
  /** The agent it is or descends from; undefined outside every agent. */
  readonly agentId: string | undefined;
  readonly separated: boolean;
}

export interface CallersParts {
  readonly node: NodeApi;
  /** uid of this server; in an installed Mandate a uid that nothing else uses. */
  readonly ownUid: number;
  readonly installed: boolean;
  /** The agent a process key belongs to, as far as server and records know by themselves. */
  readonly agentOfKey: (key: string) => string | undefined;
  readonly refused: (verb: string, caller: PinnedCaller, code: string, agentId: string | undefined) => Promise<void>;
}

/**
 * Decides what a caller of the admin API may do. The node is asked which agent the pinned process is or descends from, and the caller is
 * looked at again after the answer. Without a node nothing is administered; reading goes on, judged by the caller's own ancestors
 * against the processes on record.
 */
export class Callers {
  constructor(private readonly parts: CallersParts) {}

  /** The standing of a caller who wants to see something; what it may see is decided by it. */
  async read(_verb: string, caller: PinnedCaller): Promise<Standing> {
    const agentId = await this.#agentOf(caller).catch((error: unknown) => {
      if (error instanceof MandateError && error.code === 'E_NODE_DOWN') return this.#agentByAncestors(caller);
      throw error;
    });
    return this.#standing(caller, agentId);
  }

  /** Throws E_AGENT_NOT_ADMIN, E_NOT_ADMIN (both recorded), or E_NODE_DOWN. */
  async administer(verb: string, caller: PinnedCaller): Promise<Standing> {
    const agentId = await this.#agentOf(caller);
    const standing = this.#standing(caller, agentId);
    if (!standing.administrator) return this.refuse(verb, caller, standing);
    if (!caller.alive()) throw new MandateError('E_PEER_GONE');
    return standing;
  }

  /** Records that the caller asked for what it may not have, and throws E_AGENT_NOT_ADMIN or E_NOT_ADMIN. */
  async refuse(verb: string, caller: PinnedCaller, standing: Standing): Promise<never> {
    const code = standing.agentId === undefined ? 'E_NOT_ADMIN' : 'E_AGENT_NOT_ADMIN';
    await this.parts.refused(verb, caller, code, standing.agentId);
    throw new MandateError(code, { saw: `pid ${caller.pid}, uid ${caller.uid}`, fix: 'ask an administrator' });
  }

  async #agentOf(caller: PinnedCaller): Promise<string | undefined> {
    const report = await this.parts.node.caller(caller.pid, caller.key, false);
    if (!caller.alive()) throw new MandateError('E_PEER_GONE');
    if (!report.found) throw new MandateError('E_ATTEST_FAILED', { why: 'the node could not attest the caller' });
    return report.agentId || this.#agentByAncestors(caller);
  }

  #agentByAncestors(caller: PinnedCaller): string | undefined {
    for (const key of [caller.key, ...caller.ancestorKeys()]) {
      const agentId = this.parts.agentOfKey(key);
      if (agentId !== undefined) return agentId;
    }
    return undefined;
  }

  #standing(caller: PinnedCaller, agentId: string | undefined): Standing {
    const { installed, ownUid } = this.parts;
    const administrator = agentId === undefined && (caller.uid === 0 || (!installed && caller.uid === ownUid));
    return { uid: caller.uid, administrator, agentId, separated: installed && caller.uid !== 0 && caller.uid !== ownUid };
  }
}
