import { launchAttestor } from '../../attestors/launch';
import type { LaunchMembership, MeasuredLaunch } from '../../src/domain/attestation';
import { compareLaunch, type LaunchMeasures, measuresOf, measuresText, NOT_MEASURED } from '../../src/domain/launch-measures';
import { facts } from './samples';

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [string, string, string, string];
const MEASURES: LaunchMeasures = {
  script: { path: '/work/agent.js', sha256: A },
  package: { name: 'npm:agent@1.0.0', sha256: B, lockSha256: C },
  configuration: { product: 'generic', sha256: D },
};
const SEEN = {
  'script.mode': 'file',
  'script.path': '/work/agent.js',
  'script.sha256': A,
  'script.package': 'npm:agent@1.0.0',
  'agent.product': 'generic',
  'agent.config_sha256': D,
};
const NATIVE = { 'agent.product': 'claude-code', 'agent.config_sha256': D };
const without = (...types: string[]) => Object.fromEntries(Object.entries(SEEN).filter(([type]) => !types.includes(type)));

describe('as text', () => {
  test('comes back as it was', () => {
    expect(measuresOf(measuresText(MEASURES))).toEqual(MEASURES);
    const part = { ...MEASURES, package: { ...MEASURES.package!, lockSha256: null }, configuration: null };
    expect(measuresOf(measuresText(part))).toEqual(part);
    expect([measuresText(NOT_MEASURED), measuresOf('')]).toEqual(['', NOT_MEASURED]);
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['nothing', 'null'],
    ['a number for a path', measuresText(MEASURES).replace('"/work/agent.js"', '1')],
    ['a digest in capitals', measuresText(MEASURES).replace(A, A.toUpperCase())],
    ['too much', measuresText(MEASURES).padEnd(8193)],
  ])('of %s nothing was measured', (_name, written) => expect(measuresOf(written)).toEqual(NOT_MEASURED));

  test('what is too long to keep is not kept', () =>
    expect(measuresText({ ...NOT_MEASURED, script: { path: '/'.repeat(9000), sha256: A } })).toBe(''));
});

describe('a launched process beside what was measured', () => {
  test.each<[string, LaunchMeasures, { programSeen?: boolean; shebang?: boolean }, Record<string, string>, string, boolean]>([
    ['the same', MEASURES, {}, SEEN, '', true],
    ['another script at its place', MEASURES, {}, { ...SEEN, 'script.sha256': B }, 'script', true],
    ['the same script elsewhere', MEASURES, {}, { ...SEEN, 'script.path': '/tmp/agent.js' }, 'script', true],
    ['another package', MEASURES, {}, { ...SEEN, 'script.package': 'npm:agent@2.0.0' }, 'package', true],
    ['no package any more', MEASURES, {}, without('script.package'), 'package', true],
    ['another configuration', MEASURES, {}, { ...SEEN, 'agent.config_sha256': A }, 'configuration', true],
    ['another program', MEASURES, { programSeen: false }, SEEN, 'program', true],
    ['the interpreter of a #! line', MEASURES, { programSeen: false, shebang: true }, SEEN, '', true],
    [
      'code on the command line',
      MEASURES,
      {},
      { ...without('script.path', 'script.sha256', 'script.package'), 'script.mode': 'inline' },
      'script package',
      true,
    ],
    ['arguments overwritten', MEASURES, {}, without('script.mode', 'script.path', 'script.sha256', 'script.package'), '', false],
    ['no agent seen', MEASURES, {}, without('agent.product', 'agent.config_sha256'), '', false],
    ['a native program', { ...NOT_MEASURED, configuration: { product: 'claude-code', sha256: D } }, {}, NATIVE, '', true],
    [
      'a native program that became a script',
      { ...NOT_MEASURED, configuration: { product: 'claude-code', sha256: D } },
      {},
      { ...NATIVE, 'script.mode': 'file', 'script.sha256': A },
      'script',
      true,
    ],
    ['another product', { ...NOT_MEASURED, configuration: { product: 'codex', sha256: C } }, {}, NATIVE, 'configuration', true],
  ])('%s', (_name, measures, launch, seen, changed, whole) => {
    const compared = compareLaunch(measures, { programSeen: true, shebang: false, ...launch }, facts(seen));
    expect([compared.changed.join(' '), compared.whole]).toEqual([changed, whole]);
  });

  test('hidden arguments hide the agent too, unless it is known all the same', () => {
    const hidden = { 'agent.product': 'generic', 'agent.config_sha256': A };
    const claude = { ...MEASURES, configuration: { product: 'claude-code', sha256: D } };
    const of = (measures: LaunchMeasures) => compareLaunch(measures, { programSeen: true, shebang: false }, facts(hidden));
    expect(of(claude)).toEqual({ changed: [], whole: false });
    expect(of(MEASURES)).toEqual({ changed: ['configuration'], whole: false });
  });
});

describe('what is stated', () => {
  const concluded = (measured: Partial<MeasuredLaunch> | undefined, seen: Record<string, string> = SEEN, gaps: string[] = []): string[] => {
    const launch: LaunchMembership = {
      launchId: 'L',
      name: 'n',
      programPath: '/usr/bin/node',
      programSha256: A,
      user: 'ana',
      uid: 1000,
      ownUid: 0,
      programSeen: true,
      via: 'pinned',
      measured: measured && { measures: MEASURES, shebang: false, changed: undefined, runs: true, ...measured },
    };
    return launchAttestor().conclude!(facts(seen), { launch }, gaps).map(({ name, value, assurance }) => `${name}=${value} ${assurance}`);
  };
  const EDITED = { ...SEEN, 'script.sha256': B };

  test.each<[string, Partial<MeasuredLaunch> | undefined, Record<string, string>, string[], string[]]>([
    ['of the launched process, that it is the same', {}, SEEN, [], ['unchanged=true observed']],
    ['what differs', {}, EDITED, [], ['changed=script observed', 'unchanged=false observed']],
    [
      'what differed once, though it is as before',
      { changed: ['script'] },
      SEEN,
      [],
      ['changed=script observed', 'unchanged=false observed'],
    ],
    ['nothing before it executed', { runs: false }, EDITED, [], []],
    ['of a helper, what the launched process was found to be', { runs: false, changed: [] }, {}, [], ['unchanged=true observed']],
    [
      'of a helper, what had changed',
      { runs: false, changed: ['program'] },
      {},
      [],
      ['changed=program observed', 'unchanged=false observed'],
    ],
    ['nothing where somebody could not look', {}, EDITED, ['script:E_ATTEST_UNREADABLE'], []],
    ['nothing after a restart of the node', undefined, SEEN, [], []],
  ])('%s', (_name, measured, seen, gaps, expected) => expect(concluded(measured, seen, gaps)).toEqual(expected));
});
