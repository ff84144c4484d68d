import type { BundleAnswer } from '../../domain/answers';
import { askAdmin } from '../admin-client';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';
import { instant } from '../times';

/** `mandate bundle show`. */
export const bundleShow: Command = async ({ deps, out, service }) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'bundle', {});
  out.answer(answer, (style) => bundleText(answer, deps.clock.nowMs(), style));
};

export function bundleText(answer: BundleAnswer, nowMs: number, style: Style): string {
  const rows = answer.authorities.map((authority) => [
    authority.kind,
    authority.stage,
    safe(authority.keyId),
    instant(authority.notBefore, nowMs, style),
    instant(authority.notAfter, nowMs, style),
  ]);
  const head = `trust domain ${style.bold(safe(answer.trustDomain))} · sequence ${answer.sequence} · read again after ${answer.refreshHintSeconds}s\n\n`;
  return head + table(['KIND', 'STAGE', 'KEY', 'NOT-BEFORE', 'NOT-AFTER'], rows, style);
}
