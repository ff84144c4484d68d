import type { InstallPlan, UninstallPlan } from '../domain/install';
import { safe } from './safe';
import type { Style } from './style';

export interface Told {
  readonly root: string;
  readonly dryRun: boolean;
}

/** Everything that an installation makes; with `dryRun` each file whole. */
export function installText(plan: InstallPlan, { root, dryRun }: Told, style: Style): string {
  if (plan.nothingToDo) return 'installed already: nothing to do\n';
  const below = root === '/' ? '' : `  below ${safe(root)}`;
  return [
    `${dryRun ? 'would install' : 'installing'}${below}`,
    ...plan.accounts.map((name) => `  account  ${name}`),
    ...plan.folders.map((folder) => `  folder   ${folder}`),
    ...plan.write.map(({ path }) => `  file     ${path}`),
    ...plan.links.map(({ path, target }) => `  link     ${path} -> ${target}`),
    ...plan.commands.map((command) => `  run      ${safe(command.join(' '))}`),
    ...(dryRun ? plan.write.map(({ path, text }) => `\n${style.bold(path)}\n${text}`.trimEnd()) : []),
    ...plan.byHand.map((line) => `next  ${line}`),
    ...(dryRun ? ['', 'nothing was changed'] : []),
    '',
  ].join('\n');
}

/** Everything that a removal ends and removes. */
export function uninstallText(plan: UninstallPlan, { root }: Pick<Told, 'root'>): string {
  return [
    `${root === '/' ? 'this removes' : `this removes below ${safe(root)}`}`,
    ...plan.before.map((command) => `  run      ${safe(command.join(' '))}`),
    ...plan.files.map((path) => `  file     ${safe(path)}`),
    ...plan.accounts.map((name) => `  account  ${safe(name)}`),
    ...plan.state.map((path) => `  state    ${path} with everything in it: keys, lineage, rules`),
    ...plan.after.map((command) => `  run      ${safe(command.join(' '))}`),
    ...plan.kept.map((path) => `  kept     ${safe(path)}: it was edited; remove it by hand`),
    '',
  ].join('\n');
}
