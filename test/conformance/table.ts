/** Who has to follow a rule: the word of a standard, or a fact about libraries of others. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'fact';

/** What stands in for a test, or says that the rule is not claimed. */
export interface Note {
  readonly kind: 'declared' | 'interop' | 'not claimed';
  readonly text: string;
}

export interface Rule {
  readonly id: string;
  readonly level: Level;
  /** `r` from an RFC, `i` for the sake of libraries, `d` our own choice, empty for the standards. */
  readonly origin: '' | 'r' | 'i' | 'd';
  readonly says: string;
  /** Sources that a guard of this rule is taken out of, as the page names them. */
  readonly guard: readonly string[];
  readonly note: Note | undefined;
}

export interface Family {
  readonly id: string;
  readonly title: string;
  readonly rules: readonly Rule[];
}

const NONE = '–';

/** The rules of docs/conformance.md by family, in its order. Throws for a row that is not one. */
export function readTable(page: string): readonly Family[] {
  const families: { id: string; title: string; rules: Rule[] }[] = [];
  for (const line of page.split('\n')) {
    const [, title, id] = /^## (.*) \(([A-Z]{2})\)$/.exec(line) ?? [];
    if (title !== undefined && id !== undefined) families.push({ id, title: `${title} (${id})`, rules: [] });
    if (/^\| [A-Z]{2}-\d/.test(line)) families.at(-1)?.rules.push(readRow(line));
  }
  return families;
}

function readRow(line: string): Rule {
  const [id, word, says, guard, note, ...rest] = line.slice(2, -2).split(' | ');
  const level = /^(MUST|SHOULD|MAY|fact)(?:\/([rid]))?$/.exec(word ?? '');
  if (id === undefined || !level || says === undefined || guard === undefined || note === undefined || rest.length > 0)
    throw new Error(`docs/conformance.md: not a rule: ${line}`);
  return {
    id,
    level: level[1] as Level,
    origin: (level[2] ?? '') as Rule['origin'],
    says: says.replace(/ \(\[[^)]*\)\)/g, ''),
    guard: [...guard.matchAll(/`([^`]+)`/g)].map(([, file]) => file as string),
    note: note === NONE ? undefined : readNote(id, note),
  };
}

function readNote(id: string, text: string): Note {
  const [, kind, rest] = /^(declared|interop|not claimed): (.+)$/.exec(text) ?? [];
  if (kind === undefined || rest === undefined) throw new Error(`docs/conformance.md: ${id} has a note that is none: ${text}`);
  return { kind: kind as Note['kind'], text: rest };
}

/** A rule of level MAY, and one that we chose, may be declared; every other one has to be tested. */
export const mayBeDeclared = ({ level, origin }: Rule): boolean => level === 'MAY' || origin === 'd';

export const levelOf = ({ level, origin }: Rule): string => (origin === '' ? level : `${level}/${origin}`);

/**
 * The page with its column of guards as they are: `files` names the sources a rule's guards are taken out of, `none` says what keeps a rule
 * that has no guard.
 */
export function withGuards(page: string, files: ReadonlyMap<string, readonly string[]>, none: Readonly<Record<string, string>>): string {
  const row = (line: string): string => {
    const cells = line.slice(2, -2).split(' | ');
    const rule = cells[0] as string;
    cells[3] =
      files
        .get(rule)
        ?.map((file) => `\`${file}\``)
        .join(', ') ??
      none[rule] ??
      NONE;
    return `| ${cells.join(' | ')} |`;
  };
  return page
    .split('\n')
    .map((line) => (/^\| [A-Z]{2}-\d/.test(line) ? row(line) : line))
    .join('\n');
}
