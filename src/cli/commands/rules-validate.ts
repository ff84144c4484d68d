import type { ValidateAnswer } from '../../domain/rule-answers';
import { MandateError } from '../../domain/errors';
import { loadRules, type LoadedRule } from '../../domain/rule-file';
import { runRuleTests } from '../../domain/rule-tests';
import { namedRules } from '../rule-sources';
import { safe } from '../safe';
import type { Command } from '../specs/spec';

/** Most failed tests that are told at once. */
const MAX_TOLD = 10;

/** `mandate rules validate`: reads the files as the server would, and runs the tests in them. */
export const rulesValidate: Command = ({ deps, out }, operands) => {
  const rules = checkedRules(loadRules(namedRules(deps, operands).sources));
  const answer: ValidateAnswer = {
    valid: true,
    rules: rules.map((rule) => ({ file: rule.file, name: rule.rule.name, contentSha256: rule.contentSha256, tests: rule.tests.length })),
  };
  const lines = () =>
    answer.rules.map((rule) => `${safe(rule.file)}: rule ${safe(rule.name)} is valid, ${rule.tests} tests passed\n`).join('');
  out.answer(answer, lines, answer.rules);
  return Promise.resolve();
};

/** The same rules; throws E_RULE_INVALID where a rule does not do what its own tests say. */
export function checkedRules(rules: readonly LoadedRule[]): readonly LoadedRule[] {
  const failed = rules.flatMap((loaded) =>
    runRuleTests(loaded.rule, loaded.tests)
      .filter((outcome) => !outcome.passed)
      .map(({ test, got }) => `${loaded.file}:${test.line}: "${test.name}" expects ${test.expect}, got ${got}`),
  );
  if (failed.length === 0) return rules;
  throw new MandateError('E_RULE_INVALID', {
    saw: failed.slice(0, MAX_TOLD).join('\n'),
    why: failed.length === 1 ? 'a test of the rule fails' : `${failed.length} tests of the rules fail`,
  });
}
