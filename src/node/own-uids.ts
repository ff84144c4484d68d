import { MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import type { UidTable } from '../system/uid-table';
import type { OwnView } from './keepers';

/** Launches under uids of their own that one user may have at a time: each costs two processes of root's and of the launcher's. */
const MAX_OF_ONE_USER = 32;

interface Held {
  readonly launcherUid: number;
  view: OwnView | undefined;
}

/** The launches that have a uid of their own, from before they are on record until they end. */
export class OwnUids {
  readonly #held = new Map<string, Held>();
  #swept = false;

  constructor(
    private readonly table: UidTable,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** A uid for this launch alone. Throws E_OWN_UID. */
  give(launchId: string, launcherUid: number): number {
    const own = [...this.#held.values()].filter((held) => held.launcherUid === launcherUid).length;
    if (own >= MAX_OF_ONE_USER)
      throw new MandateError('E_OWN_UID', { saw: `${own} launches`, why: 'one user may have no more of them at a time' });
    const uid = this.table.give(launchId, this.clock.nowMs());
    this.#held.set(launchId, { launcherUid, view: undefined });
    return uid;
  }

  /** Its mounts stand. */
  sees(launchId: string, view: OwnView): void {
    const held = this.#held.get(launchId);
    if (held) held.view = view;
    else view.close();
  }

  /** The mounts that this node gave to a launch; undefined for any other launch, also one that an earlier node opened. */
  view(launchId: string): OwnView | undefined {
    return this.#held.get(launchId)?.view;
  }

  /** Takes up a launch that an earlier node opened. */
  resume(launchId: string, launcherUid: number): void {
    if (!this.#held.has(launchId)) this.#held.set(launchId, { launcherUid, view: undefined });
  }

  /** The launch has ended, or never began: its uid rests. */
  ended(launchId: string): void {
    const held = this.#held.get(launchId);
    if (!held) return;
    this.#held.delete(launchId);
    held.view?.close();
    this.#rest(launchId);
  }

  /** Launches that ended while no node ran give their uids back. Once: later ones are being opened. */
  sweep(): void {
    if (this.#swept) return;
    this.#swept = true;
    try {
      for (const launchId of this.table.holders()) if (!this.#held.has(launchId)) this.#rest(launchId);
    } catch (thrown) {
      this.log.error({ err: thrown }, 'the table of uids cannot be read');
    }
  }

  /** A uid that cannot be given back stays with its launch, which is safe. */
  #rest(launchId: string): void {
    try {
      this.table.rest(launchId, this.clock.nowMs());
    } catch (thrown) {
      this.log.error({ err: thrown, launch: launchId }, 'a uid could not be given back');
    }
  }
}
