import path from 'node:path';
import type { InstallAnswer } from '../../domain/answers';
import { MandateError } from '../../domain/errors';
import { type InstallPlan, planInstall } from '../../domain/install';
import { DATABASE_ACCOUNT, type InstalledProgram, SERVER_ACCOUNT } from '../../domain/units';
import { administer } from '../../system/administer';
import { fileAccounts } from '../../system/accounts';
import { InstallTree } from '../../system/install-tree';
import { installationFacts } from '../../system/installation-facts';
import { programFault } from '../../system/program-files';
import { installText } from '../install-text';
import type { CliDeps } from '../ports';
import { safe } from '../safe';
import { startedService } from '../started-service';
import { treeRoot } from '../tree-root';
import type { Command, CommandContext } from '../specs/spec';

/** `mandate install`: accounts, units and folders, so that systemd runs each part by itself, and waits until it does; `--dry-run` only says what. */
export const install: Command = async (context, _operands, options) => {
  const root = treeRoot(context, options);
  const dryRun = options['dryRun'] === true;
  const tree = new InstallTree(root);
  const program = installedProgram(context);
  const found = tree.found();
  const plan = planInstall(found, program);
  refuseFaults(context, plan, root, dryRun, found.manifest === undefined);
  const { out } = context;
  const say = () => out.answer(answerOf(plan, root, dryRun), (style) => installText(plan, { root, dryRun }, style));
  // A person sees what was under way where something fails; a program gets one document, and that is then the failure.
  if (out.format === 'text') say();
  if (!dryRun && !plan.nothingToDo) {
    carryOut(tree, plan, root);
    out.note(() => 'installed\n');
    if (plan.starts) await untilReady(context);
  }
  if (out.format !== 'text') say();
};

async function untilReady({ deps, out }: CommandContext): Promise<void> {
  const { workloadApi } = await startedService(deps.clock, deps.layoutFor(undefined).adminSocket);
  out.note(() => `Ready  workload API ${safe(workloadApi)}\n`);
}

function carryOut(tree: InstallTree, plan: InstallPlan, root: string): void {
  for (const folder of plan.folders) tree.makeFolder(folder);
  // First of all files: what an interrupted installation left is removed by it.
  tree.writeManifest(plan.manifest);
  for (const { path: at, text } of plan.write) tree.writeFile(at, text);
  for (const { path: at, target } of plan.links) tree.makeLink(at, target);
  if (root !== '/') tree.addAccounts(plan.accounts);
  for (const command of plan.commands) administer(command);
}

function refuseFaults({ deps }: CommandContext, plan: InstallPlan, root: string, dryRun: boolean, fresh: boolean): void {
  if (!dryRun && deps.uid !== 0)
    throw new MandateError('E_NOT_ADMIN', { saw: `uid ${deps.uid}`, why: 'only root installs', fix: 'sudo mandate install' });
  const fault = programFault(deps.root, deps.program.node) ?? nameFault(deps.root) ?? nameFault(deps.program.node);
  if (fault !== undefined) {
    throw new MandateError('E_INSTALL', {
      saw: `${fault.path}: ${fault.saw}`,
      why: 'the units start this program as root and as accounts of their own: who may change it is root',
      fix: 'put the program into a folder of root, such as /opt/mandate, with: chown -R root:root, chmod -R go=rX',
    });
  }
  const [edited] = plan.edited;
  if (edited !== undefined) {
    throw new MandateError('E_INSTALL', {
      saw: `${plan.edited.join(', ')}`.slice(0, 500),
      why: 'it is there, and is not what mandate wrote',
      fix: `put changes into a drop-in (systemctl edit), move ${edited} aside, and install again`,
    });
  }
  if (root === '/' && !dryRun && fresh) refuseOldState(deps);
}

/** What `mandate up` left: it must not run, and its files must be those of the accounts that the parts will have. */
function refuseOldState({ supervisor, layoutFor, uid }: CliDeps): void {
  const layout = layoutFor(undefined);
  const running = supervisor().holder(layout);
  if (running !== undefined)
    throw new MandateError('E_STATE_IN_USE', { saw: `pid ${running.pid} runs on ${layout.state}`, fix: 'end it first: mandate down' });
  const old = installationFacts(layout, uid)?.accounts;
  const names = fileAccounts();
  if (old && (names.userName(old.server) !== SERVER_ACCOUNT || names.userName(old.database) !== DATABASE_ACCOUNT)) {
    throw new MandateError('E_INSTALL', {
      saw: `${layout.state} belongs to uid ${old.server} and ${old.database}`,
      why: 'server and database ran there under numbers that are not those of the accounts',
      fix: `useradd --system --uid ${old.server} ${SERVER_ACCOUNT}, and --uid ${old.database} ${DATABASE_ACCOUNT}; or move the folder aside`,
    });
  }
}

/** A line of a unit ends where a path would go on. */
const nameFault = (at: string) =>
  /[^ -~]/.test(at) ? { path: JSON.stringify(at), saw: 'its name holds more than printable ASCII' } : undefined;

const installedProgram = ({ deps }: CommandContext): InstalledProgram => ({
  node: deps.program.node,
  main: path.resolve(deps.program.main),
});

const answerOf = (plan: InstallPlan, root: string, dryRun: boolean): InstallAnswer => ({
  dryRun,
  root,
  nothingToDo: plan.nothingToDo,
  accounts: plan.accounts,
  folders: plan.folders,
  files: plan.write.map(({ path: at, text }) => ({ path: at, text })),
  links: plan.links,
  commands: plan.commands.map((command) => command.join(' ')),
  byHand: plan.byHand,
});
