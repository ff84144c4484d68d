import fc from 'fast-check';
import { MandateError } from '../../src/domain/errors';
import {
  isPathSegment,
  newTrustDomain,
  parseOwnTrustDomain,
  parseSpiffeId,
  parseTrustDomain,
  spiffeIdFromPath,
} from '../../src/domain/spiffe-id';
import { INVALID_BY_RULE, VALID_BY_RULE } from './spiffe-id-vectors';

const a = (count: number): string => 'a'.repeat(count);

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof MandateError ? error.code : String(error);
  }
  return 'accepted';
};

describe('parseSpiffeId', () => {
  describe.each(Object.entries(VALID_BY_RULE))('%s', (_rule, vectors) => {
    test.each(Object.entries(vectors))('%s is accepted and comes back', (_name, text) => {
      const id = parseSpiffeId(text);
      expect(id.toString()).toBe(text);
      expect(`spiffe://${id.trustDomain}${id.path}`).toBe(text);
      expect(spiffeIdFromPath(id.trustDomain, id.path).toString()).toBe(text);
    });
  });

  describe.each(Object.entries(INVALID_BY_RULE))('%s', (_rule, vectors) => {
    test.each(Object.entries(vectors))('%s is refused', (_name, text) => {
      expect(code(() => parseSpiffeId(text))).toBe('E_REQUEST');
    });
  });

  test('ID-04, ID-07: every code point of Latin-1 in trust domain and path', () => {
    for (let point = 0; point < 256; point++) {
      const c = String.fromCharCode(point);
      if (c === '/') continue;
      expect([point, code(() => parseSpiffeId(`spiffe://td${c}/p`)) === 'accepted']).toEqual([point, /[a-z0-9._-]/.test(c)]);
      expect([point, code(() => parseSpiffeId(`spiffe://td/p${c}`)) === 'accepted']).toEqual([point, /[A-Za-z0-9._-]/.test(c)]);
    }
  });

  test('accepts exactly what the grammar says', () => {
    const grammar = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)*$/;
    const near = fc.array(fc.constantFrom('spiffe://', '/', '.', '..', 'a', 'B', '-', '_', '%', ':', '0'), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          near.map((parts) => parts.join('')),
          near.map((parts) => `spiffe://a${parts.join('')}`),
        ),
        (text) => {
          expect(code(() => parseSpiffeId(text)) === 'accepted').toBe(grammar.test(text));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('a refusal quotes bounded, printable text', () => {
    try {
      parseSpiffeId(`\u001b]0;owned\u0007${a(100_000)}`);
    } catch (error) {
      const { saw = '' } = (error as MandateError).explanation;
      expect(saw.length).toBeLessThanOrEqual(120);
      expect(saw).toMatch(/^\\x1b\]0;owned\\x07a/);
    }
    expect.assertions(2);
  });

  test('an ID cannot be changed once parsed', () => {
    expect(Object.isFrozen(parseSpiffeId('spiffe://a/b'))).toBe(true);
  });
});

test('ID-10: creating an ID of more than 2048 bytes is refused', () => {
  const room = 2048 - 'spiffe://td/'.length;
  expect(spiffeIdFromPath('td', `/${a(room)}`).toString()).toHaveLength(2048);
  expect(code(() => spiffeIdFromPath('td', `/${a(room + 1)}`))).toBe('E_REQUEST');
});

test.each(['a/b', '/a/', '//', '/', 'a', '/a b', '/..'])('creating an ID from the path %j is refused', (path) => {
  expect(code(() => spiffeIdFromPath('td', path))).toBe('E_REQUEST');
});

test('ID-13: two IDs are the same only byte by byte', () => {
  const spelt = ['spiffe://td/a', 'spiffe://td/A', 'spiffe://td/a/a', 'spiffe://td.a/a'].map((text) => parseSpiffeId(text).toString());
  expect(new Set(spelt).size).toBe(spelt.length);
});

describe('ID-22: a part is one whole segment', () => {
  test.each([
    ['a', true],
    ['A.b-c_0', true],
    ['...', true],
    ['', false],
    ['.', false],
    ['..', false],
    ['a/b', false],
    ['a\n', false],
    ['ä', false],
  ])('isPathSegment(%j) is %p', (text, expected) => {
    expect(isPathSegment(text)).toBe(expected);
  });
});

describe('trust domains', () => {
  test('ID-17: bare and as an ID', () => {
    expect(parseTrustDomain('example.org')).toBe('example.org');
    expect(parseTrustDomain('spiffe://example.org')).toBe('example.org');
    expect(parseTrustDomain('a..b')).toBe('a..b');
  });

  test.each(['', 'spiffe://', 'example.org/', 'spiffe://example.org/x', 'a b', a(256)])('ID-17: %j is refused', (text) => {
    expect(code(() => parseTrustDomain(text))).toBe('E_REQUEST');
  });

  test.each(['Example.org', 'EXAMPLE', 'spiffe://example.orG'])(
    'ID-15, ID-16: %j is refused, so nothing is ever emitted under it',
    (text) => {
      expect(code(() => parseTrustDomain(text))).toBe('E_REQUEST');
      expect(code(() => parseOwnTrustDomain(text))).toBe('E_REQUEST');
    },
  );

  test.each(['.a', 'a.', 'a..b', '.'])('ID-20: %j parses, but no installation may take it', (text) => {
    expect(parseTrustDomain(text)).toBe(text);
    expect(code(() => parseOwnTrustDomain(text))).toBe('E_REQUEST');
  });
});

describe('newTrustDomain', () => {
  const random = { bytes: (length: number) => Buffer.alloc(length, 7) };

  test.each([
    ['ana-laptop', 'ana-laptop'],
    ['Ana-Laptop.corp.example', 'ana-laptop'],
    ["Ana's MacBook", 'ana-s-macbook'],
    ['..', 'host'],
    ['', 'host'],
    ['-x-', 'x'],
    ['Ünïcode', 'n-code'],
    [a(200), a(40)],
    [`${a(39)}-b`, a(39)],
    ['a\n\u001b[31m', 'a-31m'],
  ])('ID-15: host name %j gives %s', (hostname, part) => {
    expect(newTrustDomain(hostname, random)).toBe(`${part}-77777777.mandate.internal`);
  });

  test('ID-21: a generated name has forty random bits, and two for one host differ', () => {
    let byte = 0;
    const counting = { bytes: (length: number) => Buffer.from(Array.from({ length }, () => byte++)) };
    const names = Array.from({ length: 4 }, () => newTrustDomain('laptop', counting));
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^laptop-[0-9a-z]{8}\.mandate\.internal$/);
  });

  test('any host name gives a trust domain that an installation may take', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.uint8Array({ minLength: 8, maxLength: 8 }), (hostname, bytes) => {
        const name = newTrustDomain(hostname, { bytes: () => Buffer.from(bytes) });
        expect(parseOwnTrustDomain(name)).toBe(name);
        expect(name).toMatch(/^[a-z0-9](-?[a-z0-9]+)*\.mandate\.internal$/);
      }),
    );
  });
});
