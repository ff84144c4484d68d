import type { AttackCase, Obtained } from './attack-case';
import { type Open, OPEN } from './expected';
import type { Field } from './field';
import { shown } from './won';

export type Verdict = 'defeated' | 'evidence only' | 'open';

export interface Judged {
  readonly verdict: Verdict;
  /** What was obtained, most telling first, with how often where that differs. */
  readonly obtained: string;
  readonly wins: number;
  readonly trials: number;
  readonly open: Open | undefined;
  /** It succeeded although it is to be defeated in this mode. */
  readonly failed: boolean;
  /** It did not succeed although it is listed as open: the list may be tightened, unless chance decides. */
  readonly tighten: boolean;
}

/** Follows from what was obtained and nothing else; `marked` says whether the victims' own traces show the weakness. */
export function judge(attack: AttackCase, field: Field, obtained: readonly Obtained[], marked: boolean): Judged {
  const wins = obtained.filter((one) => field.won(attack, one));
  const open = OPEN[attack.name]?.[field.mode];
  const verdict = wins.length === 0 ? 'defeated' : marked ? 'evidence only' : 'open';
  return {
    verdict,
    obtained: summary(wins.length > 0 ? wins : obtained, obtained.length),
    wins: wins.length,
    trials: obtained.length,
    open,
    failed: verdict !== 'defeated' && open === undefined,
    tighten: verdict === 'defeated' && open !== undefined && attack.race !== true && open.depends !== true,
  };
}

function summary(obtained: readonly Obtained[], of: number): string {
  const counts = new Map<string, number>();
  for (const one of obtained) counts.set(shown(one), (counts.get(shown(one)) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 2)
    .map(([text, count]) => (count === of ? text : `${text} (${count})`))
    .join(', ');
}
