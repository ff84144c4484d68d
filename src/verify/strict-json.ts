/** Deeper, and with more values, than anything read here. */
const MAX_DEPTH = 16;
const MAX_VALUES = 16_384;

/**
 * Parses JSON text, and throws SyntaxError where an object names a member twice, or where it nests deeper than 16 or has more than 16,384
 * values: JSON.parse keeps the last of two members, another reader the first, and an attacker picks which of them checks and which one
 * acts (RFC 8725 §3.8 in spirit). Depth and values are counted before anything is built.
 */
export function parseStrictJson(text: string): unknown {
  scan(text);
  return JSON.parse(text);
}

/** Text of the value of each member of a JSON object, as it stands: JSON.parse rounds integers beyond 2^53. Throws SyntaxError. */
export const memberTexts = (json: string): ReadonlyMap<string, string> => scan(json);

/** An open object with the names seen in it, or a list. */
interface Frame {
  readonly names: Set<string> | undefined;
  nameNext: boolean;
}

/**
 * Walks punctuation and strings. Text that is no JSON may pass, and then JSON.parse refuses it; of text that is, the walk is right.
 * Returns the members of the outermost object.
 */
function scan(text: string): ReadonlyMap<string, string> {
  const outermost = new Map<string, string>();
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  let values = 1;
  let member: { readonly name: string; readonly from: number } | undefined;
  const count = (): void => {
    if (++values > MAX_VALUES) throw new SyntaxError('too many values');
  };
  const endMember = (at: number): void => {
    if (frames.length !== 1 || !member) return;
    outermost.set(member.name, text.slice(member.from, at).replace(/^\s*:/, '').trim());
    member = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '"': {
        const start = at;
        at = endOfString(text, at);
        if (!frame?.names || !frame.nameNext) break;
        const name = nameOf(text.slice(start, at + 1));
        if (frame.names.has(name)) throw new SyntaxError('a member twice');
        frame.names.add(name);
        frame.nameNext = false;
        if (frames.length === 1) member = { name, from: at + 1 };
        break;
      }
      case '{':
      case '[': {
        if (frames.length === MAX_DEPTH) throw new SyntaxError('nested too deeply');
        count();
        const names = text.charAt(at) === '{' ? new Set<string>() : undefined;
        frames.push((frame = { names, nameNext: names !== undefined }));
        break;
      }
      case '}':
      case ']':
        endMember(at);
        frames.pop();
        frame = frames.at(-1);
        break;
      case ',':
        endMember(at);
        count();
        if (frame) frame.nameNext = frame.names !== undefined;
        break;
    }
  }
  return outermost;
}

/** Offset of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text[before - 1] === '\\') before--;
    if ((at - before) % 2 === 0) return at;
  }
  throw new SyntaxError('a string without an end');
}

/** "\u0061ud" and "aud" are one name. */
const nameOf = (quoted: string): string => (quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1));

/** True for a JSON object. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Bytes of base64url text in its one canonical form (no padding, no stray bits), or undefined. */
export function canonicalBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
