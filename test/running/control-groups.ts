import { setTimeout as delay } from 'node:timers/promises';
import { layoutOf } from '../../src/domain/layout';
import { GroupTree, openGroupTree } from '../../src/system/group-tree';

const open = (name: string) => openGroupTree(name, process.getuid!());

/** Why a node started by these tests gives launches no control group of their own; undefined where it does. */
export const noGroups: string | undefined = (() => {
  const tree = open(`mandate.test-${process.pid}`);
  if (!(tree instanceof GroupTree)) return tree.missing;
  tree.close();
  return undefined;
})();

/** The control groups of the launches of an installation that runs as root. */
export function groupsOf(state: string): GroupTree {
  const tree = open(layoutOf({ uid: 0, state, home: '', xdgStateHome: undefined, xdgRuntimeDir: undefined }).launchGroups);
  if (!(tree instanceof GroupTree)) throw new Error(tree.missing);
  return tree;
}

/** Ends what an installation that is no more left running in control groups, and removes them: the next node of its own would. */
export async function removeGroups(state: string): Promise<void> {
  if (noGroups !== undefined) return;
  const tree = groupsOf(state);
  for (const name of tree.names()) tree.kill(name);
  // An ended process counts until the kernel is done with it.
  for (let left = tree.names(); left.length > 0; left = left.filter((name) => !tree.remove(name))) await delay(5);
  tree.close();
}
