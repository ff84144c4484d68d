import path from 'node:path';
import type { WhoAnswer } from '../../src/domain/agent-answers';
import { AGENT, AgentProcess, ownProgram } from './agent-process';
import { Installation, ROOT } from '../running/installation';

jest.setTimeout(120_000);

const LAUNCHER = path.join(__dirname, 'launcher.js');
const MAIN = path.join(ROOT, 'dist/src/main.js');
const REFUSED = 3;

type Program = ReturnType<typeof ownProgram>;
let mandate: Installation;
let announced: Program;
let another: Program;
beforeAll(async () => {
  mandate = await Installation.start();
  [announced, another] = [ownProgram(mandate, 'announced'), ownProgram(mandate, 'another')];
  // Without the starter rule, which is content with a launch of anything.
  await mandate.apply({ name: 'launched', disabled: true, match: { 'launch.id': '*' }, issue: { id: '/agent/{user}' } });
});
afterAll(() => mandate.end());

/** agent.js run by a launcher of its own, which announces one program and executes this one. */
const launched = ({ path: program }: Program) =>
  new AgentProcess(
    mandate.spawn(process.execPath, [LAUNCHER, announced.path, program, AGENT, 'standing'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );

const standing = (agent: AgentProcess) => agent.until('its standing', ({ event }) => event === 'standing');

async function announcedFacts(agent: AgentProcess) {
  const { facts } = await mandate.json<WhoAnswer>('who', String(agent.pid));
  return facts.filter(({ selector }) => /^launch\.(path|sha256)$/.test(selector));
}

// docs/adr/0008-launched-program-is-declared-until-seen.md
describe.each([
  ['launch.path', () => announced.path],
  ['launch.sha256', () => announced.sha256],
])('a rule on %s', (selector, value) => {
  beforeAll(() => mandate.apply({ name: 'announced', match: { 'launch.id': '*', [selector]: value() }, issue: { id: '/announced' } }));

  it('admits a launcher that became what it announced', async () => {
    const agent = launched(announced);
    expect((await standing(agent)).spiffeIds).toEqual([expect.stringMatching(/\/announced$/)]);
    expect(await agent.run(announced.path, MAIN, 'svid')).toBe(0);
    expect(await announcedFacts(agent)).toMatchObject([{ assurance: 'measured' }, { assurance: 'measured' }]);
    await agent.end();
  });

  it('refuses one that became another program, and the announced program as its helper', async () => {
    const agent = launched(another);
    const { refusal } = await standing(agent);
    expect(refusal).toMatchObject({ code: 'E_NO_RULE', rule: 'announced' });
    expect(refusal!.conditions.filter(({ holds }) => !holds)).toEqual([
      { selector, holds: false, seen: `${value()} (declared)`, expected: [] },
    ]);
    expect(await agent.run(announced.path, MAIN, 'svid')).toBe(REFUSED);
    expect(await announcedFacts(agent)).toEqual([
      { selector: 'launch.path', value: announced.path, assurance: 'declared' },
      { selector: 'launch.sha256', value: announced.sha256, assurance: 'declared' },
    ]);
    await agent.end();
  });
});
