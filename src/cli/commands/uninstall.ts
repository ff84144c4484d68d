import type { UninstallAnswer } from '../../domain/answers';
import { EXIT, MandateError } from '../../domain/errors';
import { MANIFEST, planUninstall, type UninstallPlan } from '../../domain/install';
import { administer } from '../../system/administer';
import { InstallTree } from '../../system/install-tree';
import { confirmed } from '../confirm';
import { uninstallText } from '../install-text';
import { treeRoot } from '../tree-root';
import type { Command } from '../specs/spec';

const NOTHING: UninstallPlan = { before: [], files: [], folders: [], accounts: [], kept: [], state: [], after: [] };

/** `mandate uninstall`: removes what `install` made, and with --purge the state as well. Exit code 1 where an edited file was left. */
export const uninstall: Command = async (context, _operands, options) => {
  const { deps, out } = context;
  const root = treeRoot(context, options);
  const dryRun = options['dryRun'] === true;
  if (!dryRun && deps.uid !== 0)
    throw new MandateError('E_NOT_ADMIN', { saw: `uid ${deps.uid}`, why: 'only root removes an installation' });
  const tree = new InstallTree(root);
  const plan = planUninstall(tree.found(), options['purge'] === true);
  const answer = (done: boolean): UninstallAnswer => {
    const { files, accounts, state, kept } = plan ?? NOTHING;
    return { dryRun, root, removed: done, files, accounts, state, kept };
  };
  if (plan === undefined) {
    out.answer(answer(false), () => 'nothing is installed\n');
    return EXIT.ok;
  }
  if (dryRun) {
    out.answer(answer(false), () => `${uninstallText(plan, { root })}nothing was changed\n`);
    return EXIT.ok;
  }
  if (!(await confirmed(context, options, uninstallText(plan, { root })))) return EXIT.ok;
  carryOut(tree, plan, root);
  out.answer(answer(true), () => 'removed\n');
  return plan.kept.length > 0 ? EXIT.failure : EXIT.ok;
};

function carryOut(tree: InstallTree, plan: UninstallPlan, root: string): void {
  for (const command of plan.before) administer(command);
  for (const file of plan.files) tree.removeFile(file);
  for (const folder of plan.state) tree.removeAll(folder);
  if (root !== '/') tree.removeAccounts(plan.accounts);
  for (const command of plan.after) administer(command);
  // The list of what was made goes last: what interrupts us can be begun again.
  if (plan.kept.length === 0) tree.removeFile(MANIFEST);
  for (const folder of plan.folders) tree.removeEmptyFolder(folder);
}
