import { GIVEN, LADDERS } from './assurance';
import type { DelegatorAssurance, DeviceAssurance, Given, ProcessAssurance } from './assurance';
import type { ManifestLookup } from './condition';
import { HOLDERS_FACT } from './connection';
import { isErrorCode } from './errors';
import type { Evidence } from './evidence';
import { MANIFEST_NAME } from './manifest';
import { compileRules, matchRules } from './match';
import type { Rule } from './rule';
import { join } from './rule-reader';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';
import { selectorType, SELECTORS } from './selectors';

/** One expectation that a rule file states about its own rule. */
export interface RuleTest {
  readonly name: string;
  readonly line: number;
  readonly facts: Readonly<Record<string, readonly string[]>>;
  readonly delegator: DelegatorAssurance | null;
  readonly device: DeviceAssurance;
  readonly given: Given;
  /** Who holds the connection; looked at only where the rule asks for it. */
  readonly connection: (typeof TESTED)[number];
  /** `issued`, `refused`, an error code, or the path of the SPIFFE ID that is issued. */
  readonly expect: string;
}

export interface RuleTestOutcome {
  readonly test: RuleTest;
  readonly passed: boolean;
  /** The path that was issued, or the code of the refusal. */
  readonly got: string;
}

export const MAX_RULE_TESTS = 64;

/** Where a test says nothing: a human account launched the agent at a terminal of a device that nobody vouched for. */
const STANDING = { delegator: 'os-account', device: 'declared', given: 'launched', connection: 'sole' } as const;

const TESTED = ['sole', 'shared'] as const;

/** The tests of one rule. `given` holds selectors as the node would report them, beside `delegator`, `device` and `given` of the chain, and `connection`. */
export function readTests(reader: RuleReader, node: YamlNode | undefined): readonly RuleTest[] {
  if (node === undefined) return [];
  if (node.kind !== 'list' || node.items.length > MAX_RULE_TESTS) {
    reader.problem(node.at, 'tests', `tests is a list of at most ${MAX_RULE_TESTS}`);
    return [];
  }
  return node.items.flatMap((item, index) => readTest(reader, item, `tests[${index}]`) ?? []);
}

const CHAIN = ['delegator', 'device', 'given', 'connection'] as const;

function readTest(reader: RuleReader, node: YamlNode, path: string): RuleTest | undefined {
  const entries = reader.map(node, path, ['name', 'given', 'expect'], ['name', 'given', 'expect']);
  const name = reader.text(entries?.name, join(path, 'name'), /^.{1,200}$/u, 'a test has a name of 1 to 200 characters');
  const at = join(path, 'given');
  const given = reader.map(entries?.given, at, [...SELECTORS.map(({ type }) => type), ...CHAIN]);
  const expect = readExpect(reader, entries?.expect, join(path, 'expect'));
  if (name === undefined || given === undefined || expect === undefined) return undefined;
  const delegator = reader.word(given['delegator'], join(at, 'delegator'), [...LADDERS.delegator, 'none']);
  const facts: [string, readonly string[]][] = [];
  for (const [type, value] of Object.entries(given)) {
    if ((CHAIN as readonly string[]).includes(type) || value === undefined) continue;
    facts.push([type, readFacts(reader, value, join(at, type), type)]);
  }
  return {
    name,
    line: reader.lineOf(node.at),
    facts: Object.fromEntries(facts),
    delegator: delegator === 'none' ? null : (delegator ?? STANDING.delegator),
    device: reader.word(given['device'], join(at, 'device'), LADDERS.device) ?? STANDING.device,
    given: reader.word(given['given'], join(at, 'given'), GIVEN) ?? STANDING.given,
    connection: reader.word(given['connection'], join(at, 'connection'), TESTED) ?? STANDING.connection,
    expect,
  };
}

function readExpect(reader: RuleReader, node: YamlNode | undefined, path: string): string | undefined {
  const expect = reader.anyText(node, path);
  if (node === undefined || expect === undefined) return undefined;
  if (expect === 'issued' || expect === 'refused' || isErrorCode(expect) || /^\/[!-~]{0,1023}$/.test(expect)) return expect;
  return reader.problem(node.at, path, `${path} is issued, refused, an error code, or the path of the SPIFFE ID`);
}

/** Values need not be well formed: a test may say what happens to a wrong one. `{ manifest: NAME }` is any hash that the manifest lists. */
function readFacts(reader: RuleReader, node: YamlNode, path: string, type: string): readonly string[] {
  if (node.kind === 'map' && selectorType(type)?.form === 'sha256') {
    const { manifest } = reader.map(node, path, ['manifest'], ['manifest']) ?? {};
    const name = reader.text(manifest, join(path, 'manifest'), MANIFEST_NAME, `${path}.manifest is the name of a manifest`);
    return name === undefined ? [] : [listedIn(name)];
  }
  const values = reader.items(node, path, 16)?.map((item) => {
    if (item.kind === 'scalar' && (typeof item.value === 'number' || typeof item.value === 'boolean')) return String(item.value);
    return reader.text(item, path, /^[^\0]{1,4096}$/, `${path} is a value of 1 to 4096 characters`);
  });
  return values?.filter((value) => value !== undefined) ?? [];
}

/** Runs the tests of one rule against that rule alone, by the matching that serves agents. */
export function runRuleTests(rule: Rule, tests: readonly RuleTest[]): readonly RuleTestOutcome[] {
  const version = { rule: { ...rule, disabled: false }, version: 1, contentSha256: '', appliedAtMs: 0, author: '' };
  const compiled = compileRules({ generation: 0, rules: [version] }, TRUST_DOMAIN, everyManifest);
  return tests.map((test) => {
    const { delegator, device, given } = test;
    const { identities, denial } = matchRules(compiled, evidenceOf(test), { delegator, device, given, agentId: AGENT_ID });
    const path = identities[0]?.spiffeId.slice(`spiffe://${TRUST_DOMAIN}`.length);
    const got = path ?? denial?.code ?? 'E_NO_RULE';
    const passed = test.expect === (path === undefined ? 'refused' : 'issued') || test.expect === got;
    return { test, passed, got };
  });
}

/** Stands for the hashes of a manifest: which ones they are is nothing that a rule file could know. */
const listedIn = (manifest: string): string => `manifest:${manifest}`;

const everyManifest: ManifestLookup = ({ manifest }) => ({
  version: 1,
  expired: false,
  admits: new Set([listedIn(manifest)]),
  changesAtMs: undefined,
});

const TRUST_DOMAIN = 'rule.test';
const AGENT_ID = '00000000-0000-7000-8000-0000deadbeef';

function evidenceOf(test: RuleTest): Evidence {
  const uid = Number(test.facts['user.uid']?.[0] ?? 1000);
  const facts = Object.entries(test.facts).flatMap(([type, values]) =>
    values.map((value) => ({ type, value, assurance: assuranceOf(type) })),
  );
  return {
    v: 1,
    salt: '0'.repeat(32),
    processKey: 'rule-test',
    pid: 1,
    uid: Number.isSafeInteger(uid) ? uid : 1000,
    gid: 1000,
    startTicks: '0',
    facts: [...facts, { type: HOLDERS_FACT, value: test.connection, assurance: 'observed' }],
    ancestors: [],
    chainEnd: 'init',
    gaps: [],
  };
}

const assuranceOf = (type: string): ProcessAssurance => {
  const selector = selectorType(type);
  if (selector?.strength === 'declared') return 'declared';
  return selector?.form === 'sha256' ? 'measured' : 'observed';
};
