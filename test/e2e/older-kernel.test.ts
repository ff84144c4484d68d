import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import type { ExplainAnswer } from '../../src/domain/rule-answers';
import { readHostFacts } from '../../src/system/host-facts';
import { hasProgram, Installation, MANDATE } from '../running/installation';
import { type AgentProcess, ownProgram, startAgent } from './agent-process';

jest.setTimeout(120_000);

/** A Mandate whose every process runs as on an older kernel: real system calls with an older kernel's answers, nothing of the product changed. */
class OnOlderKernel extends Installation {
  override get program(): string {
    return path.join(this.home, 'mandate');
  }

  override async up(): Promise<void> {
    const launcher = path.join(this.home, 'older-kernel');
    execFileSync('cc', ['-O1', '-o', launcher, path.join(__dirname, 'older-kernel.c')]);
    writeFileSync(this.program, `#!/bin/sh\nexec ${launcher} ${MANDATE} "$@"\n`, { mode: 0o755 });
    await super.up();
  }
}

const withCompiler = hasProgram('cc') ? describe : describe.skip;

withCompiler('a kernel without SO_PEERPIDFD, PIDFD_GET_INFO and Landlock', () => {
  let mandate: Installation;
  let program: { readonly path: string; readonly sha256: string };
  beforeAll(async () => {
    mandate = await OnOlderKernel.start();
    program = ownProgram(mandate, 'agent');
  });
  afterAll(() => mandate.end());

  const apply = (match: object = {}) =>
    mandate.apply({ name: 'agent', match: { 'binary.sha256': program.sha256, ...match }, issue: { id: '/agent' } });
  const received = (agent: AgentProcess) => agent.until('an SVID', ({ event }) => event === 'x509');

  test('agents are attested, and the evidence says how they were pinned', async () => {
    await apply();
    const agent = startAgent(mandate, program.path, ['x509']);
    await received(agent);
    const { facts } = await mandate.json<ExplainAnswer>('rules', 'explain', '--pid', String(agent.pid));
    expect(facts).toContainEqual({ selector: 'host.pinned_by', value: 'pid', source: 'host', assurance: 'observed' });
    await agent.end();
  });

  test('a rule may be for better kernels alone', async () => {
    await apply({ 'host.pinned_by': 'connection' });
    const agent = startAgent(mandate, program.path, ['x509']);
    const { refusal } = await agent.until('a refusal', (one) => one.refusal !== undefined);
    expect(refusal).toMatchObject({ code: 'E_NO_RULE', rule: 'agent' });
    expect(refusal!.conditions).toContainEqual({ selector: 'host.pinned_by', holds: false, seen: 'pid', expected: [] });
    await apply({ 'host.pinned_by': 'pid' });
    agent.open('x509');
    await received(agent);
    await agent.end();
  });

  test('doctor says what is missing', async () => {
    const { stdout } = await mandate.mandate(['doctor', '-o', 'json']);
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly name: string; readonly result: string }[] };
    const results = Object.fromEntries(checks.map(({ name, result }) => [name, result]));
    expect(results).toMatchObject({ 'kernel.peerpidfd': 'fail', 'kernel.pidfd_info': 'warn', 'kernel.landlock': 'warn' });
  });

  test('a launch goes on without control group and domain, and says so', async () => {
    await mandate.apply({ name: 'launched', match: { 'launch.id': '*' }, issue: { id: '/launched' } });
    expect((await mandate.mandate(['run', '--name', 'older', '--', '/bin/true'])).code).toBe(0);
    const [launch] = await mandate.query<{ missing: string; confinement: string }>(
      'SELECT group_missing AS missing, confinement FROM launch ORDER BY opened_at DESC LIMIT 1',
    );
    expect(launch!.missing).not.toBe('');
    expect(launch!.confinement).not.toMatch(/domain/);
  });
});

test('on this kernel the node pins as its version lets it', () => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  expect(readHostFacts().pinnedBy).toBe(major > 6 || (major === 6 && minor >= 5) ? 'connection' : 'pid');
});
