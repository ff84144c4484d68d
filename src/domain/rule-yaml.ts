import { Composer, CST, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml';
import type { Document, ParsedNode } from 'yaml';

/** The part of YAML that rule files use: maps with text keys, lists and plain values, each knowing where it begins. */
export type YamlNode =
  | { readonly kind: 'map'; readonly at: number; readonly entries: readonly YamlEntry[] }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly YamlNode[] }
  | { readonly kind: 'scalar'; readonly at: number; readonly value: string | number | boolean | null };

export interface YamlEntry {
  readonly key: string;
  readonly keyAt: number;
  readonly value: YamlNode;
}

/** Why a text is not such YAML, and at which offset. */
export class YamlFault extends Error {
  override readonly name = 'YamlFault';

  constructor(
    readonly at: number,
    readonly key: string,
    message: string,
  ) {
    super(message);
  }
}

/** Largest file in bytes, deepest nesting, and most tokens: each is checked before the work it would cause is done. */
export const MAX_RULE_FILE_BYTES = 256 * 1024;
const MAX_DEPTH = 24;
const MAX_TOKENS = 100_000;
const MAX_DOCUMENTS = 1024;

/**
 * The documents of a YAML 1.2 text, empty ones left out. Anchors, aliases, tags, directives, merge keys and duplicate keys are refused:
 * they make a text mean something else than it shows, or much more than its size. Throws YamlFault.
 */
export function readYaml(text: string): readonly YamlNode[] {
  if (Buffer.byteLength(text) > MAX_RULE_FILE_BYTES)
    throw new YamlFault(0, '', `the file is larger than ${MAX_RULE_FILE_BYTES / 1024} KiB`);
  const hidden = HIDDEN.exec(text);
  if (hidden !== null)
    throw new YamlFault(hidden.index, '', 'the file holds a control or bidirectional character, so it may not read as it looks');
  const documents = [
    ...new Composer({ schema: 'core', version: '1.2', merge: false, uniqueKeys: false, strict: true, logLevel: 'silent' }).compose(
      tokens(text),
      false,
      text.length,
    ),
  ];
  return documents.flatMap((document) => {
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) throw new YamlFault(fault.pos[0], '', `this is not valid YAML: ${firstLine(fault.message)}`);
    return isEmpty(document) ? [] : [convert(document.contents, '')];
  });
}

/** Controls beside tab and line ends, and what reorders the text on a screen. */
const HIDDEN = new RegExp(
  `[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]`,
);

const firstLine = (message: string): string => (message.split('\n', 1)[0] as string).slice(0, 200);

const isEmpty = (document: Document.Parsed): boolean =>
  document.contents === null || (isScalar(document.contents) && document.contents.value === null && document.contents.source === '');

const REFUSED: Partial<Record<CST.TokenType | 'alias', string>> = {
  anchor: 'anchors are not allowed: write the value where it is meant',
  alias: 'aliases are not allowed: write the value where it is meant',
  tag: 'tags are not allowed: values are texts, numbers and booleans',
  'directive-line': 'directives are not allowed: rule files are YAML 1.2',
};

/** Top-level tokens, refusing what is not allowed while it is read, so that neither depth nor repetition is ever built up. */
function* tokens(text: string): Generator<CST.Token> {
  const parser = new Parser();
  let count = 0;
  let documents = 0;
  let inScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    // The lexeme after a scalar mark is content, whatever it begins with.
    const why = inScalar ? undefined : REFUSED[CST.tokenType(lexeme) as CST.TokenType];
    if (why !== undefined) throw new YamlFault(parser.offset, lexeme.slice(0, 40), why);
    inScalar = lexeme === CST.SCALAR;
    if (++count > MAX_TOKENS) throw new YamlFault(parser.offset, '', `the file has more than ${MAX_TOKENS} tokens`);
    for (const token of parser.next(lexeme)) {
      // One error is enough: each of a hundred thousand would be worded before the first is shown.
      if (token.type === 'error') throw new YamlFault(token.offset, '', `this is not valid YAML: ${firstLine(token.message)}`);
      if (token.type === 'document' && ++documents > MAX_DOCUMENTS) {
        throw new YamlFault(token.offset, '', `the file has more than ${MAX_DOCUMENTS} documents`);
      }
      yield token;
    }
    if (parser.stack.length > MAX_DEPTH) throw new YamlFault(parser.offset, '', 'the file is nested too deeply');
  }
  yield* parser.end();
}

function convert(node: ParsedNode | null, key: string): YamlNode {
  const at = node?.range[0] ?? 0;
  if (isMap(node)) return { kind: 'map', at, entries: entriesOf(node.items, at) };
  if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => convert(item, key)) };
  if (!isScalar(node)) throw new YamlFault(at, key, 'this is not a value');
  const { value } = node;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
    return { kind: 'scalar', at, value };
  throw new YamlFault(at, key, 'this is not a text, number or boolean');
}

function entriesOf(items: readonly { key: ParsedNode | null; value: ParsedNode | null }[], mapAt: number): YamlEntry[] {
  const seen = new Set<string>();
  return items.map(({ key, value }) => {
    const keyAt = key?.range[0] ?? mapAt;
    if (!isScalar(key) || typeof key.value !== 'string') throw new YamlFault(keyAt, '', 'a key is a text');
    const name = key.value;
    if (name === '<<') throw new YamlFault(keyAt, name, 'merge keys are not allowed: write the values where they are meant');
    if (seen.has(name)) throw new YamlFault(keyAt, name, `the key ${name} appears twice`);
    seen.add(name);
    return { key: name, keyAt, value: value === null ? { kind: 'scalar', at: keyAt, value: null } : convert(value, name) };
  });
}
