import type { VersionAnswer } from '../../domain/answers';
import type { Command } from '../specs/spec';

/** `mandate version`. */
export const version: Command = ({ deps, out }) => {
  const answer: VersionAnswer = { version: deps.version, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  out.answer(answer, () => `mandate ${answer.version}\n`);
  return Promise.resolve();
};
