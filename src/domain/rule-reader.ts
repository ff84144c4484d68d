import { problemAt, suggestion } from './rule-problem';
import type { RuleProblem } from './rule-problem';
import type { YamlNode } from './rule-yaml';

/** The values of a map by key; a key that was not written is absent. */
export type Entries<K extends string> = { readonly [key in K]?: YamlNode };

/**
 * Reads values of one rule file, or of the configuration, and notes what is wrong with them. Each method returns undefined for what is absent or wrong; what is wrong
 * has been noted by then, so that one pass finds every problem.
 */
export class RuleReader {
  #line = 1;
  #lineStart = 0;

  constructor(
    readonly source: { readonly file: string; readonly text: string; readonly readFile: (path: string) => string },
    private readonly problems: RuleProblem[],
    /** What a whole document is called where it is not one. */
    private readonly whole = 'a rule',
  ) {}

  get count(): number {
    return this.problems.length;
  }

  problem(at: number, key: string, message: string): undefined {
    this.problems.push(problemAt(this.source, at, key, message));
    return undefined;
  }

  /** Line of an offset, from 1. Offsets are asked for in ascending order, so the text is walked once. */
  lineOf(at: number): number {
    for (
      let end = this.source.text.indexOf('\n', this.#lineStart);
      end !== -1 && end < at;
      end = this.source.text.indexOf('\n', this.#lineStart)
    ) {
      this.#line++;
      this.#lineStart = end + 1;
    }
    return this.#line;
  }

  /** A map of known keys; unknown ones are refused with the nearest known one. */
  map<K extends string>(
    node: YamlNode | undefined,
    path: string,
    allowed: readonly K[],
    required: readonly K[] = [],
  ): Entries<K> | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'map') return this.problem(node.at, path, `${path === '' ? this.whole : path} is a map of keys and values`);
    const known: readonly string[] = allowed;
    for (const { key, keyAt } of node.entries) {
      if (known.includes(key)) continue;
      const meant = suggestion(key, allowed);
      this.problem(
        keyAt,
        join(path, key),
        `unknown key ${join(path, key)}${meant === undefined ? `; known are ${allowed.join(', ')}` : `; did you mean ${meant}?`}`,
      );
    }
    for (const key of required) {
      if (!node.entries.some((entry) => entry.key === key)) this.problem(node.at, join(path, key), `${join(path, key)} is missing`);
    }
    return Object.fromEntries(node.entries.filter(({ key }) => known.includes(key)).map(({ key, value }) => [key, value])) as Entries<K>;
  }

  /** A text of the given form; a number or boolean that stands there unquoted is not one. */
  text(node: YamlNode | undefined, path: string, form: RegExp, why: string): string | undefined {
    const value = this.anyText(node, path);
    if (value === undefined || form.test(value)) return value;
    return this.problem(node?.at ?? 0, path, why);
  }

  /** Any text, quoted or plain. */
  anyText(node: YamlNode | undefined, path: string): string | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'scalar') return this.problem(node.at, path, `${path} is a text`);
    if (node.value === null) return this.problem(node.at, path, `${path} has no value`);
    if (typeof node.value === 'string') return node.value;
    return this.problem(node.at, path, `${path} is a text, and this reads as a ${typeof node.value}: put it in quotes`);
  }

  word<W extends string>(node: YamlNode | undefined, path: string, words: readonly W[]): W | undefined {
    const value = this.anyText(node, path);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const meant = suggestion(value, words);
    return this.problem(node?.at ?? 0, path, `${path} is ${words.join(' or ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
  }

  integer(node: YamlNode | undefined, path: string, min: number, max: number): number | undefined {
    if (node === undefined) return undefined;
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value + 0;
    return this.problem(node.at, path, `${path} is a whole number from ${min} to ${max}`);
  }

  boolean(node: YamlNode | undefined, path: string): boolean | undefined {
    if (node === undefined) return undefined;
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    return this.problem(node.at, path, `${path} is true or false`);
  }

  /** One value or a list of 1 to `max` values, as a list. */
  items(node: YamlNode | undefined, path: string, max: number): readonly YamlNode[] | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'list') return [node];
    if (node.items.length === 0) return this.problem(node.at, path, `${path} is an empty list, which would never hold`);
    if (node.items.length > max) return this.problem(node.at, path, `${path} lists more than ${max} values`);
    return node.items;
  }
}

export const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
