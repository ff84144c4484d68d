import { type Family, levelOf } from './table';
import type { Judged, Verdict } from './verdict';

const SAYS = 64;
const FILE = 46;
const MARKS: Readonly<Partial<Record<Verdict, string>>> = { ok: '✓', declared: '·', interop: '·', 'not claimed': '·' };

const cell = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width));

/** A family as `make conformance` prints it: a line for each rule, and below it what is wrong. */
export function familyText({ title }: Family, judged: readonly Judged[]): string {
  return [title, ...judged.flatMap(ruleLines), ''].join('\n');
}

function ruleLines(judged: Judged): string[] {
  const { rule, tests, verdict } = judged;
  const head = `  ${MARKS[verdict] ?? '✗'} ${rule.id}  ${levelOf(rule).padEnd(8)}  ${cell(rule.says, SAYS)}  `;
  if (verdict === 'declared' || verdict === 'interop' || verdict === 'not claimed') return [`${head}${verdict}: ${rule.note?.text ?? ''}`];
  if (tests.length === 0) return [`${head}no test carries it`];
  const files = [...new Set(tests.map(({ file }) => file))];
  const lines = files.map((file, index) => {
    const [all, failed, skipped] = [
      tests.filter((test) => test.file === file),
      ...(['failed', 'skipped'] as const).map((state) => tests.filter((test) => test.file === file && test.state === state)),
    ] as const;
    const counts = [count(all.length), failed?.length ? `${failed.length} FAILED` : '', skipped?.length ? `${skipped.length} skipped` : ''];
    return `${index === 0 ? head : ' '.repeat(head.length)}${cell(file, FILE)}  ${counts.filter((text) => text !== '').join(', ')}`;
  });
  const failures = tests.filter(({ state }) => state === 'failed').map(({ title }) => `      failed: ${title}`);
  return [...lines, ...failures];
}

const count = (tests: number): string => (tests === 1 ? '1 test' : `${tests} tests`);

/** The last lines: how many rules came to what, rules of the standards apart from what is added to them. */
export function summary(all: readonly Judged[]): string {
  const claimed = all.filter(({ rule }) => rule.level !== 'fact' && (rule.origin === '' || rule.origin === 'r'));
  const beyond = all.filter((judged) => !claimed.includes(judged));
  return [
    `of the standards and their RFCs  ${tally(claimed)}`,
    `for libraries, and our own       ${tally(beyond)}`,
    ...all.filter(({ bad }) => bad).map(({ rule, verdict }) => `✗ ${rule.id}  ${verdict}`),
  ].join('\n');
}

function tally(judged: readonly Judged[]): string {
  const verdicts = [...new Set(judged.map(({ verdict }) => verdict))];
  return `${judged.length} rules: ${verdicts.map((verdict) => `${judged.filter((one) => one.verdict === verdict).length} ${verdict}`).join(', ')}`;
}
