import { type AdminDecision, type AdminPolicy, judgeAdministrator, type PersonProof, type SessionHop } from '../domain/administration';
import { MandateError } from '../domain/errors';
import type { NodeApi } from './node-api';

/** A pinned caller: who the kernel says it is, and how to ask whether it still is. */
export interface PinnedCaller {
  readonly pid: number;
  readonly uid: number;
  readonly key: string;
  alive(): boolean;
  /** Keys of its living ancestors, nearest first; needs no privilege. `whole` where there are no more of them. */
  ancestry(): { readonly keys: readonly string[]; readonly whole: boolean };
  /** The caller and its living ancestors, with terminals and users, read now. */
  session(): readonly SessionHop[];
}

/** What a caller may see and do. */
export interface Standing {
  readonly uid: number;
  readonly administrator: boolean;
  /** How it is known that a person asked; null for root, and for who does not administer. */
  readonly person: PersonProof | null;
  /** The agent it is or descends from; undefined outside every agent. */
  readonly agentId: string | undefined;
  readonly separated: boolean;
}

export interface CallersParts extends AdminPolicy {
  readonly node: Pick<NodeApi, 'caller'>;
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

  /** The standing of a caller who wants to see something; what it may see is decided by it. Throws E_PEER_GONE, E_ATTEST_FAILED. */
  async read(_verb: string, caller: PinnedCaller): Promise<Standing> {
    const agentId = await this.#agentOf(caller).catch((error: unknown) => {
      if (error instanceof MandateError && error.code === 'E_NODE_DOWN') return this.#agentByAncestors(caller);
      throw error;
    });
    return this.#standing(caller, agentId);
  }

  /** Throws E_AGENT_NOT_ADMIN, E_NOT_ADMIN, E_ADMIN_TERMINAL, E_ATTEST_FAILED (all recorded), E_PEER_GONE or E_NODE_DOWN. */
  async administer(verb: string, caller: PinnedCaller): Promise<Standing> {
    const agentId = await this.#agentOf(caller).catch(async (error: unknown) => {
      // Who hides where it comes from asked all the same.
      if (error instanceof MandateError && error.code === 'E_ATTEST_FAILED') await this.parts.refused(verb, caller, error.code, undefined);
      throw error;
    });
    const standing = this.#standing(caller, agentId);
    if (!standing.administrator) return this.refuse(verb, caller, standing);
    if (!caller.alive()) throw new MandateError('E_PEER_GONE');
    return standing;
  }

  /** Records that the caller asked for what it may not have, and throws why. How it could be let in is for administrators to look up. */
  async refuse(verb: string, caller: PinnedCaller, standing: Standing): Promise<never> {
    const decision = this.#judge(caller, standing.agentId);
    const code = decision.administrator ? 'E_NOT_ADMIN' : decision.code;
    await this.parts.refused(verb, caller, code, standing.agentId);
    const seen = code === 'E_ADMIN_TERMINAL' ? ', no controlling terminal' : '';
    throw new MandateError(code, { saw: `pid ${caller.pid}, uid ${caller.uid}${seen}`, fix: 'ask an administrator' });
  }

  async #agentOf(caller: PinnedCaller): Promise<string | undefined> {
    const report = await this.parts.node.caller(caller.pid, caller.key, false);
    if (!caller.alive()) throw new MandateError('E_PEER_GONE');
    if (!report.found) throw new MandateError('E_ATTEST_FAILED', { why: 'the node could not attest the caller' });
    return report.agentId || this.#agentByAncestors(caller);
  }

  /** Fails where not all ancestors were seen: an agent could stand above the last of them, below as many shells as it takes. */
  #agentByAncestors(caller: PinnedCaller): string | undefined {
    const { keys, whole } = caller.ancestry();
    for (const key of [caller.key, ...keys]) {
      const agentId = this.parts.agentOfKey(key);
      if (agentId !== undefined) return agentId;
    }
    if (!whole) throw new MandateError('E_ATTEST_FAILED', { why: 'the ancestors of the caller could not be followed to the end' });
    return undefined;
  }

  #judge(caller: PinnedCaller, agentId: string | undefined): AdminDecision {
    return judgeAdministrator({ uid: caller.uid, agent: agentId !== undefined, session: () => caller.session() }, this.parts);
  }

  #standing(caller: PinnedCaller, agentId: string | undefined): Standing {
    const { installed, ownUid } = this.parts;
    const decision = this.#judge(caller, agentId);
    return {
      uid: caller.uid,
      administrator: decision.administrator,
      person: decision.administrator ? decision.person : null,
      agentId,
      separated: installed && caller.uid !== 0 && caller.uid !== ownUid,
    };
  }
}
