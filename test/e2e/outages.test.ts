import { launchAgent } from './agent-process';
import { Installation } from '../running/installation';

let mandate: Installation;
beforeAll(async () => {
  mandate = await Installation.start();
}, 60_000);
afterAll(() => mandate.end(), 60_000);

async function pidOf(part: string): Promise<number> {
  const { parts } = await mandate.json<{ parts: { name: string; pid: number }[] }>('status');
  return parts.find(({ name }) => name === part)!.pid;
}

// docs/adr/0005-streams-outlive-the-server.md
test('a stream outlives the server, and hears from the next one', async () => {
  const agent = launchAgent(mandate, 'outlives', process.execPath, ['x509']);
  await agent.until('its first SVID', ({ event }) => event === 'x509');
  process.kill(await pidOf('server'), 'SIGKILL');

  const rule = mandate.ruleFile({ name: 'second', match: { 'launch.uid': process.getuid!() }, issue: { id: '/agent/second' } });
  let applied = await mandate.mandate(['rules', 'apply', rule]);
  // The next server answers when it listens and its node is back: unreachable until then, and never anything else.
  for (let tries = 0; applied.code === 5 && tries < 100; tries++) applied = await mandate.mandate(['rules', 'apply', rule]);
  expect(applied).toMatchObject({ code: 0 });

  const next = await agent.until('both identities', ({ event, svids }) => event === 'ended' || svids?.length === 2);
  expect(next).toMatchObject({ event: 'x509' });
  await agent.end();
}, 60_000);

// docs/adr/0006-reading-goes-on-without-a-node.md
test('without a node everything is read and nothing is administered', async () => {
  const node = await pidOf('node');
  process.kill(node, 'SIGSTOP');
  try {
    for (const verb of [['status'], ['agents', 'ls'], ['bundle', 'show']]) {
      expect([verb, (await mandate.mandate(verb)).code]).toEqual([verb, 0]);
    }
    for (const verb of [['rules', 'ls'], ['rules', 'show', 'launched'], ['db', 'status'], ['down']]) {
      const { code, stdout } = await mandate.mandate([...verb, '-o', 'json']);
      expect([verb, code, (JSON.parse(stdout) as { error: { code: string } }).error.code]).toEqual([verb, 5, 'E_NODE_DOWN']);
    }
  } finally {
    process.kill(node, 'SIGCONT');
  }
}, 60_000);
