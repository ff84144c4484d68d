import { rmdirSync } from 'node:fs';
import { GroupTree, openGroupTree } from '../../src/system/group-tree';

/** Why a node started by these tests gives launches no control group of their own; undefined where it does. */
export const noGroups: string | undefined = (() => {
  const tree = openGroupTree(`mandate.test-${process.pid}`, process.getuid!());
  if (!(tree instanceof GroupTree)) return tree.missing;
  rmdirSync(tree.path);
  return undefined;
})();

/** A `describe` that needs control groups, skipped with the reason where there are none. */
export const describeGroups = noGroups === undefined ? describe : describe.skip;

if (noGroups !== undefined) console.warn(`tests of control groups are skipped: ${noGroups}`);
