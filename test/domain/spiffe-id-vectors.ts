const a = (count: number): string => 'a'.repeat(count);
const longest = `spiffe://example.org/${a(2048 - 'spiffe://example.org/'.length)}`;

/** By rule; each must come back byte for byte. */
export const VALID_BY_RULE: Record<string, Record<string, string>> = {
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

export const INVALID_BY_RULE: Record<string, Record<string, string>> = {
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

const flat = (byRule: Record<string, Record<string, string>>): Record<string, string> => Object.assign({}, ...Object.values(byRule));

/** The same by the numbers of the vectors alone. */
export const VALID = flat(VALID_BY_RULE);
export const INVALID = flat(INVALID_BY_RULE);
