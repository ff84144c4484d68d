import type { RuleSource } from '../../src/domain/rule-file';

export const HASH = 'ab'.repeat(32);
const files: Record<string, string> = {
  'hashes/claude.txt': `# builds of November\n${HASH}  # 2.0.1\n\n${'00'.repeat(32)}\r\n`,
  'hashes/empty.txt': '# nothing yet\n',
  'hashes/wrong.txt': `${HASH}\nnot-a-hash\n`,
};
/** A rule file beside which `files` lie. */
export const source = (text: string, file = 'rules.yaml'): RuleSource => ({
  file,
  text,
  readFile: (path) => {
    const found = files[path];
    if (found === undefined) throw new Error('ENOENT');
    return found;
  },
});

export const head = 'apiVersion: mandate/v1\nkind: Rule\n';
export const rule = (rest: string, name = 'a'): string => `${head}name: ${name}\n${rest}`;
export const issue = 'issue:\n  id: /agent/{user}\n';
export const match = 'match:\n  user.uid: 1000\n';

/** Files that are refused: name → [text, line, column, key, message]. */
export const REFUSED: Record<string, [string, number, number, string, RegExp]> = {
  'an unknown key': [rule(`${match}${issue}prioritty: 3\n`), 8, 1, 'prioritty', /unknown key prioritty; did you mean priority\?/],
  'an unknown key far from any': [rule(`${match}${issue}xyzzy: 3\n`), 8, 1, 'xyzzy', /known are apiVersion, kind/],
  'a nested unknown key': [rule(`${match}issue:\n  id: /x\n  x509: { tll: 15m }\n`), 8, 11, 'issue.x509.tll', /did you mean ttl\?/],
  'a duplicate key': [rule(`${match}${issue}priority: 1\npriority: 2\n`), 9, 1, 'priority', /appears twice/],
  'a duplicate nested key': [rule(`match:\n  user.uid: 1\n  user.uid: 2\n${issue}`), 6, 3, 'user.uid', /appears twice/],
  'an anchor': [rule(`match: &m\n  user.uid: 1\n${issue}`), 4, 8, '&m', /anchors are not allowed/],
  'an alias': [rule(`match:\n  user.uid: *m\n${issue}`), 5, 13, '*m', /aliases are not allowed/],
  'an unquoted star': [rule(`match:\n  launch.id: *\n${issue}`), 5, 14, '*', /aliases are not allowed/],
  'a tag': [rule(`match:\n  user.uid: !!str 1\n${issue}`), 5, 13, '!!str', /tags are not allowed/],
  'a directive': [`%YAML 1.1\n---\n${rule(match + issue)}`, 1, 1, '%YAML 1.1', /directives are not allowed/],
  'a merge key': [rule(`match:\n  <<: { user.uid: 1 }\n${issue}`), 5, 3, '<<', /merge keys are not allowed/],
  'a misspelled selector': [
    rule(`match:\n  binary.sha265: ${HASH}\n${issue}`),
    5,
    3,
    'match.binary.sha265',
    /did you mean binary.sha256\?/,
  ],
  'an unknown selector': [rule(`match:\n  moon.phase: full\n${issue}`), 5, 3, 'match.moon.phase', /unknown selector moon.phase/],
  '__proto__ as a selector': [rule(`match:\n  __proto__: x\n${issue}`), 5, 3, 'match.__proto__', /unknown selector __proto__/],
  'constructor as a key': [rule(`${match}${issue}constructor: x\n`), 8, 1, 'constructor', /unknown key constructor/],
  'a path alone': [rule(`match:\n  binary.path: /usr/bin/x\n${issue}`), 5, 3, 'match', /only what others can bring about \(binary.path\)/],
  'a path and a parent': [rule(`match:\n  binary.path: /x\n  process.parent: /y\n${issue}`), 5, 3, 'match', /binary.path, process.parent/],
  'a declared name alone': [rule(`match:\n  launch.name: x\n${issue}`), 5, 3, 'match', /only what others can bring about/],
  'no selector': [rule(`match: {}\n${issue}`), 4, 8, 'match', /would hold for every process/],
  'no match': [rule(issue), 1, 1, 'match', /match is missing/],
  'no name': [`${head}${match}${issue}`, 1, 1, 'name', /name is missing/],
  'no ID': [rule(`${match}issue:\n  hint: x\n`), 7, 3, 'issue.id', /issue.id is missing/],
  'a name in capitals': [rule(match + issue, 'Abc'), 3, 7, 'name', /a name has 1 to 63/],
  'a name that reads as a number': [rule(match + issue, '12'), 3, 7, 'name', /put it in quotes/],
  'another apiVersion': [
    `apiVersion: mandate\\/v2\nkind: Rule\nname: a\n${match}${issue}`,
    1,
    13,
    'apiVersion',
    /apiVersion is mandate\/v1/,
  ],
  'a short hash': [rule(`match:\n  binary.sha256: abcd\n${issue}`), 5, 18, 'match.binary.sha256', /64 lower-case hex digits/],
  'a hash in capitals': [
    rule(`match:\n  binary.sha256: ${HASH.toUpperCase()}\n${issue}`),
    5,
    18,
    'match.binary.sha256',
    /64 lower-case hex/,
  ],
  'any value outside launches': [rule(`match:\n  user.name: "*"\n${issue}`), 5, 14, 'match.user.name', /launch selectors only/],
  'a uid that is none': [rule(`match:\n  user.uid: ana\n${issue}`), 5, 13, 'match.user.uid', /is a whole number/],
  'a negative uid': [rule(`match:\n  user.uid: -1\n${issue}`), 5, 13, 'match.user.uid', /put it in quotes/],
  'a relative path': [rule(`match:\n  user.uid: 1\n  binary.path: bin/x\n${issue}`), 6, 16, 'match.binary.path', /is an absolute path/],
  'an empty list': [rule(`match:\n  user.uid: []\n${issue}`), 5, 13, 'match.user.uid', /empty list/],
  'a value that is missing': [rule(`match:\n  user.name:\n${issue}`), 5, 13, 'match.user.name', /has no value/],
  'a number where a text is meant': [rule(`match:\n  user.name: 0x10\n${issue}`), 5, 14, 'match.user.name', /put it in quotes/],
  'a hash file that is missing': [
    rule(`match:\n  binary.sha256: { file: no.txt }\n${issue}`),
    5,
    26,
    'match.binary.sha256',
    /no.txt cannot be read/,
  ],
  'a hash file without a hash': [
    rule(`match:\n  binary.sha256: { file: hashes/empty.txt }\n${issue}`),
    5,
    26,
    'match.binary.sha256',
    /lists no hash/,
  ],
  'a hash file with a wrong line': [
    rule(`match:\n  binary.sha256: { file: hashes/wrong.txt }\n${issue}`),
    5,
    26,
    'match.binary.sha256',
    /line 2 of hashes\/wrong.txt/,
  ],
  'a file of names': [rule(`match:\n  user.name: { file: x }\n${issue}`), 5, 14, 'match.user.name', /is a value or a list/],
  'lifetime 0': [rule(`${match}issue: { id: /x, x509: { ttl: 0 } }\n`), 6, 31, 'issue.x509.ttl', /is 0, so nothing could ever be issued/],
  'lifetime 0s': [rule(`${match}issue: { id: /x, jwt: { ttl: 0s } }\n`), 6, 30, 'issue.jwt.ttl', /is 0, so nothing/],
  'a lifetime too long': [rule(`${match}issue: { id: /x, x509: { ttl: 25h } }\n`), 6, 31, 'issue.x509.ttl', /from 1 to 86400 seconds/],
  'a lifetime in words': [rule(`${match}issue: { id: /x, x509: { ttl: 1 day } }\n`), 6, 31, 'issue.x509.ttl', /is a duration such as/],
  'a fraction of a second': [rule(`${match}issue: { id: /x, x509: { ttl: 1.5 } }\n`), 6, 31, 'issue.x509.ttl', /is a duration such as/],
  'any audience among others': [
    rule(`${match}issue: { id: /x, jwt: { audiences: ["*", b] } }\n`),
    6,
    36,
    'issue.jwt.audiences',
    /stands alone/,
  ],
  'a blank in an audience': [rule(`${match}issue: { id: /x, jwt: { audiences: [a b] } }\n`), 6, 37, 'issue.jwt.audiences', /no blank/],
  'an unknown placeholder': [rule(`${match}issue: { id: "/x/{usr}" }\n`), 6, 14, 'issue.id', /no placeholder \{usr\}/],
  'two placeholders in a segment': [rule(`${match}issue: { id: "/x/{user}-{host}" }\n`), 6, 14, 'issue.id', /at most one placeholder/],
  'a path as a placeholder': [rule(`${match}issue: { id: "/x/{binary.path}" }\n`), 6, 14, 'issue.id', /must be one path segment/],
  'a template with ..': [rule(`${match}issue: { id: /x/../y }\n`), 6, 14, 'issue.id', /no segment \. or \.\./],
  'an assurance of another ladder': [
    rule(`${match}require: { process: oidc }\n${issue}`),
    6,
    21,
    'require.process',
    /declared or observed or measured/,
  ],
  'a misspelled assurance': [rule(`${match}require: { process: mesured }\n${issue}`), 6, 21, 'require.process', /did you mean measured\?/],
  'a way of giving that is none': [rule(`${match}require: { given: [gift] }\n${issue}`), 6, 20, 'require.given', /implicit or launched/],
  'a priority in words': [rule(`${match}priority: high\n${issue}`), 6, 11, 'priority', /whole number from/],
  'a rule that is a list': ['- a\n', 1, 1, '', /a rule is a map/],
  'a text': ['hello\n', 1, 1, '', /a rule is a map/],
  nothing: ['# soon\n', 1, 1, '', /holds no rule/],
  'broken YAML': [`${head}name: [a\n`, 4, 1, '', /not valid YAML/],
  'a tab as indentation': [`${head}match:\n\tuser.uid: 1\n`, 4, 1, '', /not valid YAML/],
  'a bidirectional override': [rule(`${match}${issue}# \u202e harmless\n`), 8, 3, '', /may not read as it looks/],
  'an escape character': [rule(`${match}${issue}# \u001b[2K\n`), 8, 3, '', /may not read as it looks/],
  'a test that expects nothing known': [
    rule(`${match}${issue}tests:\n  - { name: x, given: {}, expect: ok }\n`),
    9,
    35,
    'tests[0].expect',
    /is issued, refused, an error code/,
  ],
  'a test with a misspelled selector': [
    rule(`${match}${issue}tests:\n  - { name: x, given: { user.nam: a }, expect: issued }\n`),
    9,
    25,
    'tests[0].given.user.nam',
    /did you mean user.name\?/,
  ],
};
