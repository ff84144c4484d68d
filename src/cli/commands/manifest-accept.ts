import type { ManifestAcceptedAnswer } from '../../domain/manifest-answers';
import { askAdmin } from '../admin-client';
import { listOption, operand } from '../arguments';
import { claimed, readKeyText, readManifestKeys, readManifestText } from '../manifest-files';
import { MandateError } from '../../domain/errors';
import { affectedText } from '../affected-text';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';

/** Longer than other verbs: the answer comes when living agents have been told. */
const DEADLINE_MS = 30_000;

/** `mandate manifest add`. */
export const manifestAdd: Command = async ({ deps, out, service }, operands, options) => {
  const files = listOption(options, 'key');
  if (files.length === 0) throw new MandateError('E_USAGE', { saw: 'no key to trust', fix: 'give --key PUBLIC-KEY-FILE' });
  const envelope = readManifestText(deps.cwd, operand(operands, 0));
  readManifestKeys(deps.cwd, files); // says which file is none, before anything is asked
  const keys = files.map((file) => readKeyText(deps.cwd, file));
  const answer = await askAdmin(deps.clock, service().adminSocket, 'addManifest', { envelope, keys }, DEADLINE_MS);
  out.answer(answer, (style) => acceptedText(answer, style));
};

/** `mandate manifest update`: which manifest is meant is read from the file; whether it may be, and by which keys, is decided by the service. */
export const manifestUpdate: Command = async ({ deps, out, service }, operands, options) => {
  const files = listOption(options, 'key');
  const envelope = readManifestText(deps.cwd, operand(operands, 0));
  readManifestKeys(deps.cwd, files);
  const named = files.length === 0 ? {} : { keys: files.map((file) => readKeyText(deps.cwd, file)) };
  const { name } = claimed(envelope).statement;
  const answer = await askAdmin(deps.clock, service().adminSocket, 'updateManifest', { name, envelope, ...named }, DEADLINE_MS);
  out.answer(answer, (style) => acceptedText(answer, style));
};

export function acceptedText(answer: ManifestAcceptedAnswer, style: Style): string {
  const name = `manifest ${safe(answer.name)}`;
  const change =
    answer.from === null
      ? `${style.good('new')}       ${name} v${answer.to}`
      : answer.changed
        ? `${style.warn('changed')}   ${name} v${answer.from} → v${answer.to}`
        : `unchanged ${name} v${answer.to}`;
  const trusts = answer.keysChanged ? `  trusts     ${answer.keys.map(safe).join(' or ')}\n` : '';
  const expires = answer.expires === null ? '' : `  expires    ${safe(answer.expires)}\n`;
  return `${change}\n  signed by  ${safe(answer.signedBy)}\n${expires}${trusts}${affectedText(answer.affected)}`;
}
