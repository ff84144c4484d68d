import type { RunOptions } from '../running/installation';
import { Installation } from '../running/installation';
import { ordinaryAccount } from '../running/ordinary-account';
import { withReadableProcesses } from '../running/readable';
import { readPage } from '../docs/markdown';
import { ownProgram, startAgent } from './agent-process';

jest.setTimeout(120_000);

/** A uid without an account, which nothing else uses. */
const ANOTHER_UID = 40_003;

/** One row of the first table of docs/platforms.md, and what its agent is given under the two rules. */
interface Row {
  readonly node: 'root' | "the user's own";
  readonly agent: string;
  readonly dumpable: boolean;
  readonly byHash: string;
  readonly alone: string;
}

const rows: readonly Row[] = tableOf('## Who is served').map(([node = '', agent = '', dumpable = '', byHash = '', alone = '']) => ({
  node: node as Row['node'],
  agent,
  dumpable: dumpable === 'yes',
  byHash: byHash.replaceAll('`', ''),
  alone: alone.replaceAll('`', ''),
}));

function tableOf(heading: string): string[][] {
  const { prose } = readPage('docs/platforms.md');
  const rest = prose.slice(prose.indexOf(heading) + 1);
  const lines = rest
    .slice(
      0,
      rest.findIndex((line) => line.startsWith('#')),
    )
    .filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) => line.slice(2, -2).split(' | '));
}

test('the page has a row for each of what there is', () => {
  const named = rows.map(({ node, agent, dumpable }) => `${node}, ${agent}, ${dumpable}`);
  expect(new Set(named).size).toBe(rows.length);
  expect(rows.length).toBe(10);
});

const asRoot = process.getuid!() === 0;

/** Who the agent runs as; the tests are root's. */
function accountOf({ node, agent }: Row): RunOptions {
  if (agent === 'another user') return { uid: ANOTHER_UID };
  return node === 'root' || agent === 'root' ? {} : ordinaryAccount()!;
}

(asRoot ? withReadableProcesses : (_file: string, tests: () => void) => describe.skip('as root', tests))(__filename, () => {
  describe.each(['root', "the user's own"] as const)('a node that is %s', (node) => {
    let mandate: Installation;
    let program: { readonly path: string; readonly sha256: string };
    beforeAll(async () => {
      mandate = node === 'root' ? await Installation.start() : await Installation.start(ordinaryAccount());
      program = ownProgram(mandate, 'agent');
    });
    afterAll(() => mandate.end());

    const served = rows.filter((row) => row.node === node);

    async function given(row: Row): Promise<string> {
      const agent = startAgent(mandate, program.path, [...(row.dumpable ? [] : ['undumpable']), 'x509'], accountOf(row));
      const { event, refusal } = await agent.until('an answer', ({ event, stream }) => event === 'x509' || stream === 'x509');
      await agent.end();
      return event === 'x509' ? 'an identity' : refusal!.code;
    }

    test.each<['byHash' | 'alone', object]>([
      ['byHash', {}],
      ['alone', { connection: 'sole' }],
    ])('%s: each agent is given what the page says', async (column, require) => {
      await mandate.apply({ name: 'agent', match: { 'binary.sha256': program.sha256 }, require, issue: { id: '/agent' } });
      const all = await Promise.all(served.map(async (row) => ({ ...row, [column]: await given(row) })));
      expect(all).toEqual(served);
    });
  });
});
