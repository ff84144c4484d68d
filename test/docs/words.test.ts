import { pages, spoken } from './markdown';

/**
 * Words that have another name here. Only those that mean nothing else are looked for: a user of the machine and a gRPC client are called
 * what they are.
 */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/\bimpersonat/i, 'delegation'],
  [/\btrust store/i, 'bundle'],
  [/\brealm/i, 'trust domain'],
  [/\baudit log/i, 'lineage record, trace'],
  [/\bCA manager/i, 'authority'],
  [/\btrust level/i, 'assurance'],
  [/\bprincipals?\b/i, 'delegator'],
  [/\bpolic(y|ies)\b/i, 'rule'],
  [/\bregistration entr/i, 'rule'],
  [/\bworkloads?\b(?![ -](API|Endpoint))(?!\.spiffe\.io)/i, 'agent, process'],
  [/\brefresh(es|ed)? (an |the |its |their )?(X509-|JWT-)?SVID/i, 'rotate'],
  [/\b(TODO|FIXME)\b/, 'what is missing, said'],
];

test.each(pages().map((page) => [page.file, page] as const))('%s uses the words of the project', (_file, page) => {
  const found = page.prose.flatMap((line, index) =>
    INSTEAD.filter(([word]) => word.test(spoken(line))).map(([word, better]) => `line ${index + 1}: ${word.source} → ${better}`),
  );
  expect(found).toEqual([]);
});

test('the words are found where they stand', () => {
  const says = (line: string): boolean => INSTEAD.some(([word]) => word.test(spoken(line)));
  expect(says('the audit log of a workload')).toBe(true);
  expect(says('the Workload API, and `policy` in quotes')).toBe(false);
});
