import type { Holders } from '../domain/connection';
import { type Delivery, SOURCES_FOR_FILES } from '../domain/delivery';
import { MandateError } from '../domain/errors';
import type { Attestor, FileHasher } from '../domain/attestation';
import type { Fact } from '../domain/evidence';
import { LAUNCH_PARTS } from '../domain/launch-measures';
import type { Clock } from '../domain/ports';
import type { PinnedProcess } from '../system/process-view';
import { attest } from './attest';
import type { Holding } from './holding';
import type { LaunchGroups } from './launch-groups';
import type { OwnUids } from './own-uids';
import { launchMembership, type Members, type Membership, type OpenLaunch } from './members';
import { runsProgram } from './program';
import type { Served } from './served';

/** Facts younger than this are not gathered again for a call on the same process; the cheap re-check runs every time. */
const FRESH_MS = 5_000;

/** mandate.v1.EvidenceRef. */
export interface EvidenceName {
  readonly digest: Buffer;
  readonly canonical: Buffer;
  readonly viaProcessKey: string;
}

const NOTHING = Buffer.alloc(0);

export interface ReadingThreads {
  /** Gives them what was asked for in this turn. */
  send(): void;
  /** Takes answers that are there already. */
  collect(): void;
}

export interface AttestingParts {
  readonly members: Members;
  readonly groups: LaunchGroups;
  readonly ownUids: Pick<OwnUids, 'view'>;
  readonly attestors: readonly Attestor[];
  readonly hasher: FileHasher;
  readonly holding: Holding;
  /** The threads that read what may keep a reader waiting. */
  readonly reader: ReadingThreads;
  readonly clock: Clock;
  /** Keeps a member pinned for as long as it lives: who is not, is not seen to end. */
  readonly hold: (process: PinnedProcess) => void;
}

/** Step 3 of the path: turns pinned processes into evidence. */
export class Attesting {
  constructor(private readonly parts: AttestingParts) {}

  /** A process connected and will ask in a moment: what is read elsewhere is asked for now, while it speaks. */
  prepare(process: PinnedProcess): void {
    const membership = this.parts.members.get(process.key);
    const launched = membership?.launch !== undefined && membership.kind === 'pinned';
    for (const attestor of this.parts.attestors) attestor.prepare?.(process, launched);
    this.parts.reader.send();
  }

  /**
   * Evidence of the process as it is now, as a request names it: whole until the server is known to hold it, then by digest. The caller
   * looks at the process closely before it lets an answer out.
   */
  async of(served: Served): Promise<EvidenceName> {
    const { clock, members } = this.parts;
    const { evidence: known, attestedAtMs, process } = served;
    const evidence = known !== undefined && clock.monotonicMs() - attestedAtMs <= FRESH_MS ? known : await this.#look(served);
    const { digest, canonical } = evidence;
    const held = served.offered?.equals(digest) === true;
    return { digest, canonical: held ? NOTHING : canonical, viaProcessKey: members.get(process.key)?.via ?? '' };
  }

  /** Looks at everything anew; what is the same as before is still what the server holds. */
  async #look(served: Served): Promise<NonNullable<Served['evidence']>> {
    const { clock, members, groups } = this.parts;
    const { process } = served;
    const ancestry = process.ancestors();
    const group = groups.of(process);
    const membership = members.inherit(process, ancestry.chain, group?.launchId);
    if (membership) this.parts.hold(process);
    if (membership?.launch) await this.#lookForProgram(process, membership.launch);
    const { delivery } = served;
    if (delivery === 'files' && !membership?.launch) throw new MandateError('E_REQUEST', { why: 'files are for launches' });
    const { holdersAsked } = served;
    const connection = await this.#holders(served);
    const confinement = membership?.launch?.confinement;
    const context = { launch: launchMembership(membership, process), confinement, delivery, connection };
    const view = membership?.launch && this.parts.ownUids.view(membership.launch.launchId);
    const attested = attest(process, this.#attestors(delivery), context, served.salt, ancestry, group, view);
    // What threads were asked for when it connected is mostly there by now.
    this.parts.reader.collect();
    const { evidence, bytes, digest } = await attested;
    if (context.launch?.measured?.runs === true) launchLooked(membership, evidence.facts);
    served.glance();
    // It asked for files meanwhile, and is given no more than files may have.
    if (delivery !== served.delivery) return this.#look(served);
    // Who was not alone is looked at again as soon as it asks again.
    const fresh = holdersAsked === served.holdersAsked && (connection === undefined || connection.holding === 'sole');
    served.attestedAtMs = fresh ? clock.monotonicMs() : Number.NEGATIVE_INFINITY;
    if (served.evidence?.canonical.equals(bytes) === true) return served.evidence;
    served.offered = undefined;
    return (served.evidence = { digest: Buffer.from(digest, 'hex'), canonical: bytes });
  }

  /** Undefined where no rule asks for it, or nothing is connected that could be looked at. */
  async #holders(served: Served): Promise<Holders | undefined> {
    const asked = served.holdersAsked && served.delivery === 'socket' && served.connections.size > 0;
    return asked ? this.parts.holding.of(served) : undefined;
  }

  #attestors(delivery: Delivery): readonly Attestor[] {
    const { attestors } = this.parts;
    return delivery === 'files' ? attestors.filter(({ name }) => SOURCES_FOR_FILES.includes(name)) : attestors;
  }

  /** The launched process is looked at until it was seen running what its launcher announced. */
  async #lookForProgram(process: PinnedProcess, launch: OpenLaunch): Promise<void> {
    if (launch.programSeen || launch.programInode === '' || process.key !== launch.processKey) return;
    launch.programSeen = await runsProgram(process, { inode: launch.programInode, sha256: launch.programSha256 }, this.parts.hasher);
  }
}

/** Keeps what the look at the launched process found, for the other members of its launch. One that could not see everything says nothing. */
function launchLooked(membership: Membership | undefined, facts: readonly Fact[]): void {
  if (!membership?.launch || !facts.some(({ type }) => type === 'launch.unchanged')) return;
  membership.launch.changed = LAUNCH_PARTS.filter((part) => facts.some(({ type, value }) => type === 'launch.changed' && value === part));
}
