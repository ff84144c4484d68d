import type { ConditionItem, ErrorAnswer, ErrorBody } from '../domain/answers';
import { EXIT, type MandateError } from '../domain/errors';
import { selectorType } from '../domain/selectors';
import { safe, safeSentence } from './safe';
import { RefusedByService, closestRule } from './refused-by-service';
import type { Style } from './style';
import { pad } from './table';

/** Facts that are shown as text; the service sends the telling ones first. */
const MAX_FACTS = 8;

/** The JSON form of a failure: `{error: {code, message, help, …}}`. */
export function failureAnswer(error: MandateError): ErrorAnswer {
  const { saw, why, fix } = error.explanation;
  const details = error instanceof RefusedByService ? error.details : undefined;
  const body: ErrorBody = {
    code: error.code,
    message: error.message,
    help: helpCommand(error),
    ...(saw !== undefined && { saw }),
    ...(why !== undefined && { why }),
    ...(fix !== undefined && { fix }),
    ...(details?.request && { request: details.request }),
    ...(details?.rule && { rule: details.rule, ruleVersion: details.ruleVersion }),
    ...(details && details.conditions.length > 0 && { conditions: details.conditions }),
  };
  return { error: body };
}

/** The text form of a failure: one sentence with its code, then what was seen, why, what to do, and where more is said. */
export function failureText(error: MandateError, style: Style): string {
  const lines = [`${style.bad(heading(error))} ${error.message} (${error.code})`];
  if (error instanceof RefusedByService) lines.push(...refusalLines(error, style));
  else {
    const { saw, why, fix } = error.explanation;
    if (saw !== undefined) lines.push(...labelled('saw', saw));
    if (why !== undefined) lines.push(...labelled('why', why));
    if (fix !== undefined) lines.push(...labelled('fix', fix));
  }
  lines.push(`  more  ${helpCommand(error)}`);
  return lines.join('\n') + '\n';
}

/** A value of several lines, such as the place in a rule file, keeps its lines; each is made safe by itself. */
function labelled(label: string, text: string): string[] {
  const [first = '', ...rest] = text.split('\n');
  return [`  ${pad(label, 4)}  ${safeSentence(first)}`, ...rest.map((line) => `        ${safeSentence(line)}`)];
}

function refusalLines({ details }: RefusedByService, style: Style): string[] {
  const lines: string[] = [];
  details.saw.slice(0, MAX_FACTS).forEach((fact, index) => {
    const label = index === 0 ? 'saw' : '';
    if (fact.selector === '') lines.push(...labelled(label, fact.value));
    else lines.push(`  ${pad(label, 4)}  ${pad(safe(fact.selector), 22)} ${safeSentence(fact.value)}  ${style.dim(fact.assurance)}`);
  });
  if (details.saw.length > MAX_FACTS) lines.push(`        and ${details.saw.length - MAX_FACTS} more: -o json`);
  const why = closestRule(details);
  if (why) lines.push(...labelled('why', why));
  for (const condition of details.conditions) {
    const mark = condition.holds ? style.good('✓') : style.bad('✗');
    const seen = condition.seen === '' ? '(nothing)' : safeSentence(condition.seen);
    lines.push(`          ${mark} ${pad(safe(condition.selector), 20)} ${seen}${condition.holds ? '' : missed(condition)}`);
  }
  if (details.remedy) lines.push(`  fix   ${safeSentence(details.remedy)}`);
  else if (details.request) lines.push(`  ask   your administrator, with request ${safe(details.request)}`);
  return lines;
}

/** What would have held, where the service says so; else that of the listed values it is none. */
function missed({ selector, expected }: ConditionItem): string {
  if (expected) return `  expected ${expected.map(safeSentence).join(' or ')}`;
  return selectorType(selector) ? '  not among the listed ones' : '';
}

function heading(error: MandateError): string {
  switch (error.exitCode) {
    case EXIT.refused:
      return 'refused:';
    case EXIT.notAllowed:
      return 'not allowed:';
    default:
      return 'error:';
  }
}

const helpCommand = (error: MandateError): string => `mandate help ${error.code}`;
