/** Shortest prefix a person may give: below it, too much fits. */
const MIN_DIGITS = 4;

/** The lowest and highest UUID whose hex digits start with `text` (dashes allowed); undefined where it is no such prefix. */
export function uuidRange(text: string): { low: string; high: string } | undefined {
  if (text.length > 36) return undefined;
  const digits = text.replaceAll('-', '').toLowerCase();
  if (digits.length < MIN_DIGITS || digits.length > 32 || !/^[0-9a-f]+$/.test(digits)) return undefined;
  return { low: digits.padEnd(32, '0'), high: digits.padEnd(32, 'f') };
}

/** The range of byte-ordered names that start with `text`; undefined where it is too short to look for. */
export function nameRange(text: string): { low: string; high: string } | undefined {
  if (text.length < MIN_DIGITS || text.length > 256 || text.includes('\0')) return undefined;
  return { low: text, high: `${text}\u{10ffff}` };
}
