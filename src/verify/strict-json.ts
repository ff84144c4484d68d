/** Deeper than anything a token or a bundle holds. */
const MAX_DEPTH = 16;

/**
 * Parses JSON text, and throws SyntaxError where an object names a member twice or nests deeper than 16: JSON.parse keeps the last of
 * two members, another reader the first, and an attacker picks which of them checks and which one acts (RFC 8725 §3.8 in spirit).
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  checkNames(text);
  return value;
}

/** Walks text that is known to be JSON: strings and punctuation are all that matters. */
function checkNames(text: string): void {
  const frames: (Set<string> | undefined)[] = [];
  let nameNext = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    const names = frames.at(-1);
    if (token === '{' || token === '[') {
      if (frames.length === MAX_DEPTH) throw new SyntaxError('nested too deeply');
      frames.push(token === '{' ? new Set() : undefined);
      nameNext = token === '{';
    } else if (token === '}' || token === ']') {
      frames.pop();
      nameNext = false;
    } else if (token === ',') {
      nameNext = names !== undefined;
    } else if (nameNext && names) {
      const name = JSON.parse(token) as string; // "\u0061ud" and "aud" are one name
      if (names.has(name)) throw new SyntaxError('a member twice');
      names.add(name);
      nameNext = false;
    }
  }
}

/** True for a JSON object. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Bytes of base64url text in its one canonical form (no padding, no stray bits), or undefined. */
export function canonicalBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
