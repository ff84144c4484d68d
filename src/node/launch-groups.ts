import { unifiedPath, withUnifiedPath } from '../domain/cgroup-text';
import { MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import { errnoOf } from '../system/errno';
import { GroupTree, type NoGroupTree } from '../system/group-tree';
import type { PinnedProcess } from '../system/process-view';

/** Longest path of a control group that is kept; the kernel allows names of 255 bytes at any depth. */
const MAX_FROM_LENGTH = 4096;
/** What an id of the server looks like; nothing else becomes the name of a folder. */
const LAUNCH_ID = /^[0-9a-f-]{36}$/;

/** The control group of one launch. */
export interface LaunchGroup {
  readonly launchId: string;
  /** The `0::` path that the launcher was in before: what its session or unit is known by. */
  readonly from: string;
}

interface KeptGroup extends LaunchGroup {
  readonly inode: string;
  readonly unwatch: () => void;
}

/** Where a launcher was put: in a group of its launch alone, or nowhere and why. */
export type Placed = { readonly from: string } | NoGroupTree;

/**
 * The control groups of launches, each named by the id of its launch. The table here is what decides: the kernel may give the id of a
 * removed group to another, and a folder that we find but did not enter into it is nobody's.
 */
export class LaunchGroups {
  readonly #byInode = new Map<string, KeptGroup>();
  readonly #byLaunch = new Map<string, KeptGroup>();
  #swept = false;

  constructor(
    private readonly tree: GroupTree | NoGroupTree,
    /** A group may have become empty. */
    private readonly onChange: (launchId: string) => void,
    private readonly log: Log,
  ) {}

  /** Why launches get no group here; empty where they do. */
  get missing(): string {
    return this.tree instanceof GroupTree ? '' : this.tree.missing;
  }

  /**
   * Puts a launcher into a new group of its own, and says so only when the kernel names that group for the pinned process while it still
   * lives: its pid could else have come to mean another one. A failure is no reason not to launch. Where the launch begins with another process
   * than its launcher, `from` is still the launcher's group. Throws E_PEER_GONE.
   */
  async enter(launchId: string, first: PinnedProcess, launcher = first): Promise<Placed> {
    const { tree } = this;
    if (!(tree instanceof GroupTree)) return tree;
    // A launcher whose earlier attempt failed stands in a group of ours already.
    const from = this.of(launcher)?.from ?? unifiedPath(launcher.read('cgroup'));
    if (from === undefined || from.length > MAX_FROM_LENGTH || !LAUNCH_ID.test(launchId))
      return { missing: 'its control group has no usable name' };
    let missing = 'the launcher was not found in its control group';
    try {
      const inode = tree.make(launchId);
      this.#keep(tree, launchId, from, inode);
      await tree.move(launchId, first.pid);
      if (first.cgroupId() === inode && first.alive()) return { from };
    } catch (thrown) {
      missing = `${errnoOf(thrown)} at its control group`;
    }
    this.ended(launchId);
    if (!first.alive()) throw new MandateError('E_PEER_GONE');
    this.log.warn({ launch: launchId, reason: missing }, 'launch without a control group of its own');
    return { missing };
  }

  #keep(tree: GroupTree, launchId: string, from: string, inode: string): void {
    const kept = { launchId, from, inode, unwatch: tree.watch(launchId, () => this.onChange(launchId)) };
    this.#byInode.set(inode, kept);
    this.#byLaunch.set(launchId, kept);
  }

  /** Takes up the group of a launch that an earlier node opened. */
  resume(launchId: string, from: string): void {
    if (!(this.tree instanceof GroupTree) || this.#byLaunch.has(launchId) || !LAUNCH_ID.test(launchId)) return;
    try {
      this.#keep(this.tree, launchId, from, this.tree.inode(launchId));
    } catch (thrown) {
      this.log.warn({ launch: launchId, reason: errnoOf(thrown) }, 'the control group of a launch is not there any more');
    }
  }

  /** The group that a process is in or below, however it was forked; undefined where that is none of ours. Throws E_PEER_GONE. */
  of(process: PinnedProcess): LaunchGroup | undefined {
    if (this.#byInode.size === 0 || !(this.tree instanceof GroupTree)) return undefined;
    const inode = process.cgroupId();
    if (inode === undefined) return undefined;
    const own = this.#byInode.get(inode);
    if (own) return own;
    const path = unifiedPath(process.read('cgroup'));
    const name = path === undefined ? undefined : this.tree.above(path, inode);
    return name === undefined ? undefined : this.#byLaunch.get(name);
  }

  /** Whether a process lives in the group of this launch; false where it has none. */
  populated(launchId: string): boolean {
    return this.tree instanceof GroupTree && this.#byLaunch.has(launchId) && this.tree.populated(launchId);
  }

  /** How many processes live in it; undefined where the launch has no group. */
  count(launchId: string): number | undefined {
    return this.tree instanceof GroupTree && this.#byLaunch.has(launchId) ? this.tree.count(launchId) : undefined;
  }

  /** Ends all of them at once, and whatever they are forking. */
  kill(launchId: string): void {
    if (this.tree instanceof GroupTree && this.#byLaunch.has(launchId)) this.tree.kill(launchId);
  }

  /** The launch has ended: its group goes. What is left in it, if that should be possible, belongs to no launch. */
  ended(launchId: string): void {
    const kept = this.#byLaunch.get(launchId);
    kept?.unwatch();
    this.#byLaunch.delete(launchId);
    if (kept) this.#byInode.delete(kept.inode);
    if (this.tree instanceof GroupTree && LAUNCH_ID.test(launchId)) this.tree.remove(launchId);
  }

  /** The node ends; launches live on in their groups. */
  close(): void {
    for (const { unwatch } of this.#byLaunch.values()) unwatch();
    if (this.tree instanceof GroupTree) this.tree.close();
  }

  /** Removes what launches left behind that ended while no node ran. Once: later folders are those of launches being opened. */
  sweep(): void {
    if (this.#swept || !(this.tree instanceof GroupTree)) return;
    this.#swept = true;
    const { tree } = this;
    const strangers = tree.names().filter((name) => !this.#byLaunch.has(name) && !tree.remove(name));
    if (strangers.length > 0) this.log.warn({ launches: strangers.slice(0, 20) }, 'control groups of launches that are not on record');
  }
}

/** What the kernel says of a process that we moved, with the group that its launcher came from: ours says nothing about its session or unit. */
export const asBefore = (cgroup: string, group: LaunchGroup): string => withUnifiedPath(cgroup, group.from);
