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

const a = (count: number): string => 'a'.repeat(count);
const longest = `spiffe://example.org/${a(2048 - 'spiffe://example.org/'.length)}`;

/** By rule; each must come back byte for byte. */
const VALID: Record<string, Record<string, string>> = {
  'ID-01: it begins with spiffe://': {
    V02: 'spiffe://example.org/payments/web-fe',
    V03: 'spiffe://staging.example.com/payments/mysql',
    V04: 'spiffe://k8s-west.example.com/ns/staging/sa/default',
    V05: 'spiffe://example.com/9eebccd2-12bf-40a6-b262-65fe0487d453',
    V06: 'spiffe://a',
    V07: 'spiffe://a/b',
    V21: 'spiffe://example.org/spiffe/spiffe',
  },
  'ID-04, ID-07: letters, digits, dot, dash and underscore': {
    V11: 'spiffe://under_score.example/x',
    V13: 'spiffe://_/x',
    V15: 'spiffe://example.org/UPPER/Lower.Mixed_Case-1',
    V19: 'spiffe://example.org/a.b-c_d',
    V20: 'spiffe://example.org/-/_/0',
  },
  'ID-08: the ID of a trust domain has no slash': {
    V01: 'spiffe://example.org',
  },
  'ID-09: dots beside other characters': {
    V16: 'spiffe://example.org/...',
    V17: 'spiffe://example.org/.hidden',
    V18: 'spiffe://example.org/..x/x..',
  },
  'ID-10: 2048 bytes': {
    V23: longest,
  },
  'ID-11: a trust domain of 255 bytes': {
    V22: `spiffe://${a(255)}/x`,
  },
  'ID-12: a trust domain is opaque': {
    V08: 'spiffe://1.2.3.4/svc',
    V09: 'spiffe://256.300.1.1/svc',
    V10: 'spiffe://42/svc',
    V12: 'spiffe://-dash-.example/x',
    V14: 'spiffe://xn--bcher-kva.example/x',
  },
  'ID-20: an empty label in the trust domain of somebody else': {
    'V24 doubled dot': 'spiffe://a..b/x',
    'V24 leading dot': 'spiffe://.a/x',
    'V24 trailing dot': 'spiffe://a./x',
    'V24 only a dot': 'spiffe://./x',
  },
};

const INVALID: Record<string, Record<string, string>> = {
  'ID-01: another scheme or none': {
    N01: '',
    N02: 'spiffe',
    N03: 'spiffe:',
    N04: 'spiffe:/example.org/x',
    N05: 'spiffe:example.org/x',
    N08: '//example.org/x',
    N09: 'example.org/x',
    N10: 'http://example.org/x',
    N11: 'spiffes://example.org/x',
    N12: 'xspiffe://example.org/x',
    N57: '192.0.2.1:6688',
  },
  'ID-02: no trust domain': {
    N06: 'spiffe://',
    N07: 'spiffe:///x',
  },
  'ID-03: user and port, also empty ones': {
    N34: 'spiffe://user@example.org/a',
    N35: 'spiffe://user:pw@example.org/a',
    N36: 'spiffe://@example.org/a',
    N37: 'spiffe://example.org:8443/a',
    N38: 'spiffe://example.org:/a',
    N39: 'spiffe://[::1]/a',
    N40: 'spiffe://[2001:db8::1]:80/a',
  },
  'ID-04: other characters in the trust domain': {
    N45: 'spiffe://exämple.org/a',
    N50: 'spiffe://example.org\\a',
    'N58 in the trust domain': 'spiffe://ex\udc00ample.org/a',
    ...Object.fromEntries([..."$~!*+,;='"].map((c) => [`N49 ${c}`, `spiffe://ex${c}ample.org/a`])),
  },
  'ID-05: percent-encoding': {
    N41: 'spiffe://ex%61mple.org/a',
    N42: 'spiffe://example.org/%61',
    N43: 'spiffe://example.org/a%2Fb',
    N44: 'spiffe://example.org/a%00',
  },
  'ID-06: query and fragment, also empty ones': {
    N28: 'spiffe://example.org?x=1',
    N29: 'spiffe://example.org/a?x=1',
    N30: 'spiffe://example.org/a?',
    N31: 'spiffe://example.org#f',
    N32: 'spiffe://example.org/a#f',
    N33: 'spiffe://example.org/a#',
  },
  'ID-07: other characters in the path': {
    N46: 'spiffe://example.org/ä',
    N47: 'spiffe://example.org/a b',
    N51: 'spiffe://example.org/a\0',
    N55: 'spiffe://example.org/\uff41',
    N56: 'spiffe://a/spiffe://b/x',
    'N58 lone surrogate': 'spiffe://example.org/\ud800',
    'N58 replacement character': 'spiffe://example.org/\ufffd',
    ...Object.fromEntries([...':@;,=+!~*$&\'()\\|"<>^{}'].map((c) => [`N48 ${c}`, `spiffe://example.org/a${c}b`])),
  },
  'ID-08: empty segments and a slash at the end': {
    N17: 'spiffe://example.org/',
    N18: 'spiffe://example.org//',
    N19: 'spiffe://example.org//x',
    N20: 'spiffe://example.org/a//b',
    N21: 'spiffe://example.org/a/',
  },
  'ID-09: segments of dots': {
    N22: 'spiffe://example.org/.',
    N23: 'spiffe://example.org/..',
    N24: 'spiffe://example.org/./a',
    N25: 'spiffe://example.org/a/./b',
    N27: 'spiffe://example.org/a/..',
  },
  'ID-09, ID-18: a segment that URL parsers fold away': {
    N26: 'spiffe://example.org/a/../b',
  },
  'ID-10: 2049 bytes': {
    '2049 bytes': `${longest}a`,
  },
  'ID-11: a trust domain of 256 bytes': {
    N52: `spiffe://${a(256)}`,
  },
  'ID-16: upper case in scheme or trust domain': {
    N53: 'spiffe://Example.org/a',
    N54: 'SPIFFE://example.org/a',
  },
  'ID-18: blanks that URL parsers strip': {
    N13: ' spiffe://example.org/a',
    N14: 'spiffe://example.org/a ',
    N15: 'spiffe://example.org/a\n',
    N16: 'spiffe://example.org/a\tb',
  },
};

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof MandateError ? error.code : String(error);
  }
  return 'accepted';
};

describe('parseSpiffeId', () => {
  describe.each(Object.entries(VALID))('%s', (_rule, vectors) => {
    test.each(Object.entries(vectors))('%s is accepted and comes back', (_name, text) => {
      const id = parseSpiffeId(text);
      expect(id.toString()).toBe(text);
      expect(`spiffe://${id.trustDomain}${id.path}`).toBe(text);
      expect(spiffeIdFromPath(id.trustDomain, id.path).toString()).toBe(text);
    });
  });

  describe.each(Object.entries(INVALID))('%s', (_rule, vectors) => {
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
