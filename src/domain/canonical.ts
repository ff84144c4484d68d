/** A value that has exactly one canonical form: no floats, no undefined, no dates. */
export type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical };

/**
 * The canonical JSON text of a value (RFC 8785 restricted to integers): members sorted by UTF-16 code units, no white space,
 * the shortest escapes. Equal values give equal bytes, which is what digests and log leaves rest on.
 * Throws RangeError on a number that is not a safe integer and on a lone surrogate: neither has one meaning everywhere.
 */
export function canonicalJson(value: Canonical): string {
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new RangeError('canonical JSON holds safe integers only');
    return String(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${canonicalString(name)}:${canonicalJson(value[name] as Canonical)}`).join(',')}}`;
}

const isList = (value: readonly Canonical[] | { readonly [key: string]: Canonical }): value is readonly Canonical[] => Array.isArray(value);

function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('canonical JSON holds well-formed Unicode only');
  return JSON.stringify(text);
}
