import path from 'node:path';
import type { DoctorAnswer } from '../../domain/answers';
import { type Check, type CheckResult, judgeDoctor } from '../../domain/doctor';
import { judgeInstall } from '../../domain/doctor-install';
import { EXIT } from '../../domain/errors';
import { InstallTree } from '../../system/install-tree';
import { installationFacts } from '../../system/installation-facts';
import { machineFacts } from '../../system/machine-facts';
import { programFault } from '../../system/program-files';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';

/** `mandate doctor`: needs nothing that runs. Exit code 1 where a check failed. */
export const doctor: Command = ({ deps, out, layout }) => {
  const checks = [...judgeDoctor(machineFacts(), installationFacts(layout(), deps.uid)), ...installChecks()];
  const answer: DoctorAnswer = { healthy: checks.every(({ result }) => result !== 'fail'), checks };
  out.answer(answer, (style) => doctorText(answer, style), checks);
  return Promise.resolve(answer.healthy ? EXIT.ok : EXIT.failure);
};

/** Of what `mandate install` made; none where it was not used. */
function installChecks(): readonly Check[] {
  const tree = new InstallTree('/');
  const manifest = tree.manifest();
  if (manifest === undefined) return [];
  const { node, main } = manifest.program;
  // The package lies above `dist/src`.
  const fault = programFault(path.resolve(path.dirname(main), '../..'), node);
  return judgeInstall({ found: tree.found(), programFault: fault && `${fault.path}: ${fault.saw}` });
}

export function doctorText({ checks }: DoctorAnswer, style: Style): string {
  const rows = checks.map(({ name, result, saw }) => [mark(result, style), safe(name), safe(saw)]);
  const reasons = checks.filter(({ result }) => result !== 'ok').map((check) => reason(check, style));
  return table(['', 'CHECK', 'SAW'], rows, style) + (reasons.length === 0 ? '' : `\n${reasons.join('\n')}`);
}

const reason = ({ name, result, why, fix }: Check, style: Style): string =>
  `${mark(result, style)}  ${style.bold(safe(name))}\n      why  ${safe(why)}\n      fix  ${safe(fix)}\n`;

/** Words beside the colour, since colour is never the only sign. */
function mark(result: CheckResult, style: Style): string {
  switch (result) {
    case 'ok':
      return style.good('ok  ');
    case 'warn':
      return style.warn('warn');
    case 'fail':
      return style.bad('fail');
  }
}
