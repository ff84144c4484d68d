import { type Finished, hasProgram, Installation, MANDATE } from '../running/installation';
import { ordinaryAccount } from '../running/ordinary-account';

jest.setTimeout(120_000);

const account = ordinaryAccount();
const describeRoot = account !== undefined && hasProgram('setpriv') ? describe : describe.skip;
if (account === undefined) process.stdout.write('privilege.test.ts: an issuer that is separated is tried as root only\n');

interface Trace {
  readonly separated: boolean;
  readonly notSeparatedBy: readonly string[];
  readonly weakest: { readonly process: string };
}

describeRoot('where mandate is installed, the trace of an agent', () => {
  let mandate: Installation;
  beforeAll(async () => {
    mandate = await Installation.start();
  });
  afterAll(() => mandate.end());

  /** The trace of an agent that fetches its SVID under the ordinary account, with these capabilities. */
  async function traced(...capabilities: string[]): Promise<Trace> {
    const ids = ['--reuid', String(account!.uid), '--regid', String(account!.gid), '--clear-groups'];
    const sets = ['--inh-caps', '--ambient-caps'].flatMap((set) => [set, ['-all', ...capabilities.map((name) => `+${name}`)].join(',')]);
    const agent = [MANDATE, 'run', '--', MANDATE, 'svid', '-o', 'json'];
    const { code, stdout, stderr }: Finished = await mandate.run('setpriv', [...ids, ...sets, ...agent]);
    expect([code, stderr]).toEqual([0, expect.anything()]);
    const { svids } = JSON.parse(stdout) as { svids: { serial: string }[] };
    return mandate.json<Trace>('trace', svids[0]!.serial);
  }

  it('says that the issuer is separated where nothing leads to it', async () => {
    expect(await traced()).toMatchObject({ separated: true, notSeparatedBy: [], weakest: { process: 'measured' } });
  });

  it('names the capabilities that lead to it', async () => {
    expect(await traced('net_raw', 'sys_ptrace', 'setuid')).toMatchObject({
      separated: false,
      notSeparatedBy: ['CAP_SETUID', 'CAP_SYS_PTRACE'],
      weakest: { process: 'observed' },
    });
  });
});
