import { asMandateError, type MandateError } from '../domain/errors';
import { encodeEvidence } from '../domain/evidence';
import type { Attestor, Clock, FileHasher } from '../domain/ports';
import type { PinnedProcess } from '../system/process-view';
import { attest } from './attest';
import { launchMembership, type Members, type OpenLaunch } from './members';
import { runsProgram } from './program';
import type { Served } from './served';
import type { ServerLink } from './server-link';

/** Facts younger than this are not gathered again for a call on the same process; the cheap re-check runs every time. */
const FRESH_MS = 5_000;

export interface AttestingParts {
  readonly link: ServerLink;
  readonly members: Members;
  readonly attestors: readonly Attestor[];
  readonly hasher: FileHasher;
  readonly clock: Clock;
}

/** Step 3 of the path: turns pinned processes into evidence that the server holds. */
export class Attesting {
  constructor(private readonly parts: AttestingParts) {}

  /** Evidence of the process as it is now, offered to the server where it does not hold it; named by its digest from here on. */
  async of(served: Served): Promise<Buffer> {
    const { clock, members } = this.parts;
    const { process } = served;
    served.check();
    if (served.evidence === undefined || clock.monotonicMs() - served.attestedAtMs > FRESH_MS) {
      const ancestry = process.ancestors();
      const membership = members.inherit(process.key, ancestry.chain);
      if (membership?.launch) await this.#lookForProgram(process, membership.launch);
      const evidence = await attest(process, this.parts.attestors, { launch: launchMembership(membership) }, served.salt, ancestry);
      served.check();
      const { bytes, digest } = encodeEvidence(evidence);
      served.attestedAtMs = clock.monotonicMs();
      if (served.evidence?.canonical.equals(bytes) !== true) {
        served.evidence = { digest: Buffer.from(digest, 'hex'), canonical: bytes };
        served.offered = undefined;
      }
    }
    this.#offer(served, served.evidence);
    return served.evidence.digest;
  }

  /**
   * What is thrown for a request that named this evidence: a server that does not hold it has refused it, or forgotten it, and is
   * offered it again with the next request.
   */
  explain(served: Served, thrown: unknown): MandateError {
    const error = asMandateError(thrown);
    if (error.code !== 'E_ATTEST_FAILED') return error;
    served.offered = undefined;
    return served.offerRefused ?? error;
  }

  /** Not waited for: the stream keeps the order, so the request that follows finds the evidence there. */
  #offer(served: Served, { digest, canonical }: { readonly digest: Buffer; readonly canonical: Buffer }): void {
    const { link, members } = this.parts;
    if (served.offered?.equals(digest) === true || !link.up) return;
    const membership = members.get(served.process.key);
    const value = { digest, canonical, agentId: membership?.agentId ?? '', viaProcessKey: membership?.via ?? '' };
    served.offered = digest;
    served.offerRefused = undefined;
    link.ask({ case: 'evidence', value }, 'accepted').catch((thrown: unknown) => {
      served.offerRefused = asMandateError(thrown);
      served.offered = undefined;
    });
  }

  /** The launched process is looked at until it was seen running what its launcher announced. */
  async #lookForProgram(process: PinnedProcess, launch: OpenLaunch): Promise<void> {
    if (launch.programSeen || launch.programInode === '' || process.key !== launch.processKey) return;
    launch.programSeen = await runsProgram(process, { inode: launch.programInode, sha256: launch.programSha256 }, this.parts.hasher);
  }
}
