/**
 * Any text as one line that is safe to print, quote in an error or log: controls, ESC, line separators, bidirectional and
 * zero-width characters, tags, private use and lone surrogates appear as `\n`, `\x1b`, `\u202e` or `\u{e0001}`, a backslash as `\\`.
 * The result never depends on the terminal, and different texts within the bound give different results.
 * `maxLength` bounds the result in UTF-16 units; what was cut is marked by `…`.
 */
export function terminalText(text: string, maxLength = Infinity): string {
  // Escapes only lengthen, so nothing past the bound can be shown and nothing past it is looked at.
  const looked = text.length > maxLength ? text.slice(0, maxLength + 1) : text;
  const pieces: string[] = [];
  let length = 0;
  for (const character of looked) {
    const piece = HOSTILE.test(character) ? escaped(character) : character;
    if (length + piece.length > maxLength) return cut(pieces, length, maxLength);
    pieces.push(piece);
    length += piece.length;
  }
  return pieces.join('');
}

// What moves the cursor, reorders, hides or joins: C0, DEL, C1, and by category controls, format characters (bidi, zero-width,
// soft hyphen, tags), line and paragraph separators, private use, surrogates, unassigned; plus fillers and variation selectors
// that print as nothing although Unicode calls them letters or marks, and the escape character itself.
const HOSTILE =
  /[\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/u;

const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\u{${code.toString(16)}}`;
}

/** Whole pieces only: half an escape or half a pair would read as something else. */
function cut(pieces: string[], length: number, maxLength: number): string {
  if (maxLength < 1) return '';
  let kept = length;
  while (kept > maxLength - 1) kept -= (pieces.pop() as string).length;
  return `${pieces.join('')}…`;
}
