import { create } from '@bufbuild/protobuf';
import { CallerReportSchema } from '../../src/generated/proto/mandate/v1/node_link_pb';
import { Callers, type PinnedCaller } from '../../src/server/callers';

const report = { found: true, agentId: '' };
let refused: unknown[][] = [];
beforeEach(() => (refused = []));

const callers = (answer: { found: boolean; agentId: string } = report) =>
  new Callers({
    node: { caller: async () => create(CallerReportSchema, answer) },
    installed: true,
    ownUid: 990,
    allowScripted: true,
    agentOfKey: (key) => (key === 'agent' ? 'A' : undefined),
    refused: async (verb, caller, code, agentId) => void refused.push([verb, caller.pid, code, agentId]),
  });
const caller = (keys: readonly string[], whole: boolean): PinnedCaller => ({
  pid: 7,
  uid: 0,
  key: 'own',
  alive: () => true,
  ancestry: () => ({ keys, whole }),
  session: () => [],
});

test('root outside every agent administers', async () => {
  expect(await callers().administer('down', caller(['shell', 'init'], true))).toMatchObject({ administrator: true, person: null });
  expect(refused).toEqual([]);
});

test('who descends from an agent by the word of the node, or by what is on record, does not, and it is recorded', async () => {
  const wanted = { code: 'E_AGENT_NOT_ADMIN' };
  await expect(callers({ found: true, agentId: 'A' }).administer('down', caller(['init'], true))).rejects.toMatchObject(wanted);
  await expect(callers().administer('down', caller(['shell', 'agent', 'init'], true))).rejects.toMatchObject(wanted);
  await expect(callers().administer('down', caller(['shell', 'agent'], false))).rejects.toMatchObject(wanted);
  expect(refused).toEqual(Array.from({ length: 3 }, () => ['down', 7, 'E_AGENT_NOT_ADMIN', 'A']));
});

test('who hides its ancestors, or is not found by the node, does not, and it is recorded; it reads nothing either', async () => {
  const wanted = { code: 'E_ATTEST_FAILED' };
  const hidden = caller(['shell', 'shell'], false);
  await expect(callers().administer('down', hidden)).rejects.toMatchObject(wanted);
  await expect(callers({ found: false, agentId: '' }).administer('down', caller(['init'], true))).rejects.toMatchObject(wanted);
  expect(refused).toEqual(Array.from({ length: 2 }, () => ['down', 7, 'E_ATTEST_FAILED', undefined]));
  await expect(callers().read('agents', hidden)).rejects.toMatchObject(wanted);
});
