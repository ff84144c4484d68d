/** `XV-07: …`, or `WL-01, WL-02: …`: how a title says which rules a test proves. */
const CARRIED = /^((?:[A-Z]{2}-\d{2}, )*[A-Z]{2}-\d{2}): /;

/** What the whole name of a test, with its groups, has in it where one of them carries a rule. */
export const ANY_RULE = '(^| )([A-Z]{2}-\\d{2}, )*[A-Z]{2}-\\d{2}: ';

/** The rules that a test carries by its own title or by one of the groups it stands in. */
export const rulesOf = (titles: readonly string[]): readonly string[] => [
  ...new Set(titles.flatMap((title) => CARRIED.exec(title)?.[1]?.split(', ') ?? [])),
];

/** The rules that titles, or tables of titles, in a source text carry: a cell of a table may hold the rules alone. */
export const rulesIn = (source: string): readonly string[] =>
  [...source.matchAll(/['"`]((?:[A-Z]{2}-\d{2}, )*[A-Z]{2}-\d{2})(?:: |['"`])/g)].flatMap(([, names]) => (names as string).split(', '));
