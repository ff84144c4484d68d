import { styleOf } from '../../src/cli/style';
import { traceText } from '../../src/cli/trace-text';
import type { Trace } from '../../src/domain/trace';
import { NOW } from './command-line';
import { AGENT_ID, SERIAL } from './samples';

const PLAIN = styleOf({ isTTY: false }, {});
const PERSON = styleOf({ isTTY: true }, { NO_COLOR: '1' });

const SHA = `77ab${'0'.repeat(56)}00f2`;

export const TRACE: Trace = {
  credential: {
    serial: SERIAL,
    kind: 'x509-svid',
    spiffeId: AGENT_ID,
    audience: [],
    state: 'valid',
    issuedAt: '2026-03-01T09:59:32.000Z',
    notBefore: '2026-03-01T09:59:22.000Z',
    notAfter: '2026-03-01T10:14:32.000Z',
    recordedAt: '2026-03-01T09:59:32.109Z',
    rule: { name: 'launched', version: 1 },
    authorityKeyId: 'aa',
    publicKeySha256: SHA,
  },
  hops: [
    {
      kind: 'process',
      id: 'boot:1',
      assurance: 'measured',
      source: 'attestation',
      attributes: { pid: 41207, uid: 1000, path: '/usr/bin/python3.11', sha256: SHA },
    },
    {
      kind: 'agent',
      id: 'a1',
      assurance: 'observed',
      source: 'membership',
      attributes: { name: 'hello-7k2m', startedAt: '2026-03-01T09:59:20.000Z' },
    },
    {
      kind: 'launch',
      id: 'b1',
      assurance: 'measured',
      source: 'launch',
      attributes: { name: 'hello', task: 'weekly report', path: '/home/ana/agent.py', openedAt: '2026-03-01T09:59:20.000Z' },
    },
    {
      kind: 'delegation',
      id: '0197c1de-0000-7000-8000-0000000000d1',
      assurance: 'launched',
      source: 'delegation',
      attributes: { endsAt: '2026-03-08T09:59:20.000Z' },
    },
    { kind: 'issuer', id: 'i1', assurance: 'not-separated', source: 'server', attributes: {} },
    {
      kind: 'device',
      id: 'd1',
      assurance: 'declared',
      source: 'node',
      attributes: { name: 'ana-laptop', machineId: '8c1f00000000000000000000000000ab', os: 'Debian 12' },
    },
    { kind: 'delegator', id: 'p1', assurance: 'os-account', source: 'process-uid', attributes: { name: 'ana', uid: 1000 } },
  ],
  delegator: { kind: 'os-account', name: 'ana', uid: 1000, assurance: 'os-account', given: 'launched' },
  complete: true,
  stopsAt: null,
  weakest: { process: 'observed', delegator: 'os-account', device: 'declared' },
  separated: false,
  notSeparatedBy: ['own-user'],
};

describe('a trace as text', () => {
  test('from the human inwards, weakness beside each link', () => {
    expect(traceText(TRACE, NOW, PLAIN)).toBe(
      [
        `X509-SVID ${SERIAL}   valid, until 2026-03-01T10:14:32Z`,
        `  ${AGENT_ID}`,
        '',
        '  delegator   ana              uid 1000                                                                              os-account',
        '  └─ device      ana-laptop       machine-id 8c1f…00ab, Debian 12                                                    declared',
        '     └─ delegation  0197…00d1        until 2026-03-08T09:59:20Z                                                      launched',
        '        └─ launch      hello            /home/ana/agent.py at 2026-03-01T09:59:20Z, task "weekly report" (declared)  measured',
        '           └─ agent       hello-7k2m       since 2026-03-01T09:59:20Z                                                observed',
        '              └─ process     pid 41207        sha256 77ab…00f2 /usr/bin/python3.11                                   measured',
        '                 └─ credential  5f3a…c91e        rule launched v1, recorded 2026-03-01T09:59:32.109Z',
        '',
        'complete · weakest: process observed, delegator os-account, device declared · issuer not separated from its agents, so observed at most',
        '',
      ].join('\n'),
    );
  });

  test('a person sees what is left instead of an instant', () => {
    expect(traceText(TRACE, NOW, PERSON)).toContain('valid, 14m32s left');
  });

  test.each([
    ['domain', ''],
    ['none', ', not confined'],
    ['contradicted', ', not confined though its launcher said so'],
  ])('of the domain around a launch (%s) it says what is missing', (confinement, text) => {
    const hops = TRACE.hops.map((hop) => (hop.kind === 'launch' ? { ...hop, attributes: { ...hop.attributes, confinement } } : hop));
    expect(traceText({ ...TRACE, hops }, NOW, PLAIN)).toContain(`"weekly report" (declared)${text}  `);
  });

  test.each([
    ['', `, script 77ab…00f2`],
    ['script package', ', then another script and package'],
  ])('what was launched, and what runs instead (%s)', (changed, text) => {
    const measured = { scriptSha256: SHA, changed };
    const hops = TRACE.hops.map((hop) => (hop.kind === 'launch' ? { ...hop, attributes: { ...hop.attributes, ...measured } } : hop));
    expect(traceText({ ...TRACE, hops }, NOW, PLAIN)).toContain(`"weekly report" (declared)${text}  `);
  });

  test('an agent whose configuration changed says when', () => {
    const configurationChangedAt = '2026-03-01T10:00:00.000Z';
    const hops = TRACE.hops.map((hop) =>
      hop.kind === 'process' ? { ...hop, attributes: { ...hop.attributes, configurationChangedAt } } : hop,
    );
    expect(traceText({ ...TRACE, hops }, NOW, PLAIN)).toContain('python3.11, its configuration changed 2026-03-01T10:00:00Z');
  });

  test('a process that writes files is shown as such, not by its program', () => {
    const hops = TRACE.hops.map((hop) => (hop.kind === 'process' ? { ...hop, attributes: { pid: 41208, delivery: 'files' } } : hop));
    expect(traceText({ ...TRACE, hops }, NOW, PLAIN)).toContain(
      'pid 41208        writes it into files, for whoever of its user reads them',
    );
  });

  test('a chain that stops says where first, and is never called complete', () => {
    const stopped: Trace = {
      ...TRACE,
      hops: TRACE.hops.filter((hop) => hop.kind !== 'delegator'),
      delegator: null,
      complete: false,
      stopsAt: { kind: 'delegator', code: 'STOP_ROOT', reason: 'root is never a human' },
      weakest: { ...TRACE.weakest, delegator: null },
    };
    const text = traceText(stopped, NOW, PLAIN);
    expect(text.split('\n')[3]).toBe('  ✗ stops     at delegator     root is never a human (STOP_ROOT)');
    expect(text).toContain('\nnot complete · weakest: process observed, device declared');
  });

  test('an agent that ended says when and why', () => {
    const ended: Trace = {
      ...TRACE,
      credential: { ...TRACE.credential, state: 'ended' },
      hops: TRACE.hops.map((hop) =>
        hop.kind === 'agent'
          ? { ...hop, attributes: { ...hop.attributes, endedAt: '2026-03-01T10:00:00.000Z', endReason: 'exited' } }
          : hop,
      ),
    };
    expect(traceText(ended, NOW, PLAIN)).toContain('ended 2026-03-01T10:00:00Z (exited)');
    expect(traceText(ended, NOW, PLAIN)).toContain('ended: what it rests on has ended');
  });

  test('hostile names cannot draw', () => {
    const hostile: Trace = {
      ...TRACE,
      hops: TRACE.hops.map((hop) => ({ ...hop, attributes: { ...hop.attributes, name: '\u001b[2J\u202eeve\n└─ x', path: '/tmp/\u0007' } })),
    };
    const text = traceText(hostile, NOW, PLAIN);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(text.split('\n')).toHaveLength(traceText(TRACE, NOW, PLAIN).split('\n').length);
  });
});
