import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Finished, hasProgram, Installation, MANDATE, SCRIPTED } from '../running/installation';
import { ordinaryAccount } from '../running/ordinary-account';
import { describeTerminal, onTerminal } from './terminal';

jest.setTimeout(120_000);

const account = ordinaryAccount();
const asAccount = account && { uid: account.uid, gid: account.gid };
const RULE = { match: { 'user.uid': '1' }, issue: { id: '/any' } };

interface Event {
  readonly kind: string;
  readonly code: string | null;
  readonly agentId: string | null;
  readonly data: { readonly verb?: string; readonly person?: string | null };
}

async function events(mandate: Installation): Promise<Event[]> {
  const kinds = ['admin-refused', 'rules-applied', 'database-opened', 'shutdown'];
  const rows = await mandate.query<{ record: Buffer }>('SELECT record FROM event WHERE kind = ANY($1) ORDER BY at, id', [kinds]);
  return rows.map(({ record }) => JSON.parse(record.toString()) as Event);
}

/** What one action leaves on record. */
async function recorded(mandate: Installation, act: () => Promise<unknown>): Promise<Event[]> {
  const before = (await events(mandate)).length;
  await act();
  return (await events(mandate)).slice(before);
}

/** A command line on a terminal that script(1) makes, below the tests. */
const typed = (mandate: Installation, line: string): Promise<Finished> => mandate.run(...onTerminal(line), { ...asAccount });

describeTerminal('as an ordinary user, without scripts', () => {
  let mandate: Installation;
  let file: string;
  beforeAll(async () => {
    mandate = await Installation.start(asAccount, '# nothing is allowed\n');
    file = mandate.ruleFile({ name: 'any', ...RULE });
  });
  afterAll(async () => {
    await typed(mandate, `${MANDATE} down`);
    await mandate.end();
  });

  it('no terminal: administration is refused, recorded, and not told how it could be allowed; reading goes on', async () => {
    for (const args of [['rules', 'ls'], ['rules', 'apply', file], ['db', 'status'], ['down']]) {
      const [event, ...more] = await recorded(mandate, async () => {
        const { code, stdout, stderr } = await mandate.mandate(args);
        expect([args, code, stdout]).toEqual([args, 4, '']);
        expect(stderr).toMatch(/E_ADMIN_TERMINAL[^]*saw {3}pid \d+, uid \d+, no controlling terminal\n {2}fix {3}ask an administrator\n/);
        expect(stderr).not.toContain('allow_scripted');
      });
      expect([event?.kind, event?.code, more]).toEqual(['admin-refused', 'E_ADMIN_TERMINAL', []]);
    }
    expect((await mandate.mandate(['status'])).code).toBe(0);
    expect((await mandate.mandate(['agents', 'ls'])).code).toBe(0);
  });

  it('a terminal that a program made: accepted, and on record as unproven', async () => {
    const [applied, opened, ...more] = await recorded(mandate, async () => {
      expect((await typed(mandate, `${MANDATE} rules apply ${file} && ${MANDATE} db status`)).code).toBe(0);
    });
    expect([applied?.kind, applied?.data.person]).toEqual(['rules-applied', 'unproven']);
    expect([opened?.kind, opened?.data.person, more]).toEqual(['database-opened', 'unproven', []]);
  });

  it('its output goes elsewhere: the kernel says what the terminal is, not the descriptors', async () => {
    const { code } = await typed(mandate, `${MANDATE} rules ls </dev/null >/dev/null 2>&1`);
    expect(code).toBe(0);
    expect((await typed(mandate, `setsid -w ${MANDATE} rules ls`)).code).toBe(4);
  });

  (account?.name !== undefined && existsSync('/bin/su') ? it : it.skip)('the terminal of a login: on record as such', async () => {
    const env = `MANDATE_STATE=${mandate.state} PATH=$PATH`;
    const line = `su ${account!.name} --session-command '${env} ${MANDATE} db status'`;
    const [opened] = await recorded(mandate, async () => expect(await mandate.run(...onTerminal(line))).toMatchObject({ code: 0 }));
    expect(opened?.data).toMatchObject({ verb: 'db status', person: 'login' });
  });

  (hasProgram('tmux') ? it : it.skip)('below a tmux server: accepted, and on record as unproven', async () => {
    const tmux = ['-S', path.join(mandate.home, 't'), '-f', '/dev/null'];
    const done = path.join(mandate.home, 'done');
    const run = (...args: string[]) => mandate.run('tmux', [...tmux, ...args], { ...asAccount, env: { TERM: 'xterm' } });
    const [opened] = await recorded(mandate, async () => {
      await run('new-session', '-d', `${MANDATE} db status; echo $? > ${done}; tmux -S ${tmux[1]} wait-for -S done`);
      await run('wait-for', 'done');
    });
    expect(opened?.data).toMatchObject({ verb: 'db status', person: 'unproven' });
    await run('kill-server');
  });

  describe('from inside an agent', () => {
    const launch = (...command: string[]) => mandate.mandate(['run', '--', ...command]);
    /** Administers on a terminal that the agent makes for itself. */
    const onOwnTerminal = (verb: string) => ['script', '-qec', `${MANDATE} ${verb}`, '/dev/null'];

    it.each(['rules apply FILE', 'down', 'db psql'])(
      '%s on a terminal of its own is refused: it still descends from an agent',
      async (verb) => {
        const [event, ...more] = await recorded(mandate, async () => {
          const { code, stdout } = await launch(...onOwnTerminal(verb.replace('FILE', file)));
          expect([code, stdout]).toEqual([4, expect.stringContaining('E_AGENT_NOT_ADMIN')]);
        });
        expect(event).toMatchObject({ kind: 'admin-refused', code: 'E_AGENT_NOT_ADMIN', agentId: expect.any(String) });
        expect(more).toEqual([]);
      },
    );

    it('below more shells than are followed it is refused as well', async () => {
      const nest = path.join(mandate.home, 'nest.sh');
      writeFileSync(nest, '[ "$1" -eq 0 ] && { "$2" rules ls; exit; }\nsh "$0" $(($1 - 1)) "$2"; exit $?\n');
      for (const [depth, code] of [
        [10, 'E_AGENT_NOT_ADMIN'],
        [70, 'E_ATTEST_FAILED'],
      ] as const) {
        const [event] = await recorded(mandate, async () => {
          const { stdout, stderr } = await launch('script', '-qec', `sh ${nest} ${depth} ${MANDATE}`, '/dev/null');
          expect([depth, stdout + stderr]).toEqual([depth, expect.stringContaining(code)]);
        });
        expect(event).toMatchObject({ kind: 'admin-refused', code });
      }
    });

    it('once it left its tree: refused without a terminal; with one of its own it gets through, on record as unproven', async () => {
      const said = path.join(mandate.home, 'said');
      let fifos = 0;
      const left = async (line: string) => {
        const fifo = path.join(mandate.home, `fifo-${fifos++}`);
        await mandate.run('mkfifo', [fifo], { ...asAccount });
        // The child of a child in a session of its own: its parent has ended when it asks.
        await launch(
          'sh',
          '-c',
          `(setsid sh -c 'while [ -d /proc/$0 ]; do :; done; ${line} >${said} 2>&1; echo >${fifo}' $$ </dev/null >/dev/null 2>&1 &)`,
        );
        await mandate.run('cat', [fifo], { ...asAccount });
      };
      const [refused] = await recorded(mandate, () => left(`${MANDATE} db status`));
      expect(refused).toMatchObject({ code: 'E_ADMIN_TERMINAL', agentId: null });
      const [opened] = await recorded(mandate, () => left(`script -qec "${MANDATE} db status" /dev/null`));
      expect(opened).toMatchObject({ kind: 'database-opened', data: { verb: 'db status', person: 'unproven' } });
    });
  });

  it('an edited configuration holds from the next start on', async () => {
    writeFileSync(mandate.configFile, SCRIPTED);
    const shown = await mandate.json<{ values: object[] }>('config', 'show');
    expect(shown.values[0]).toEqual({ key: 'admin.allow_scripted', value: true, source: 'file', line: 1 });
    expect((await mandate.mandate(['rules', 'ls'])).code).toBe(4);
    await mandate.ended(() => typed(mandate, `${MANDATE} down`));
    await mandate.up();
    const [opened] = await recorded(mandate, async () => expect((await mandate.mandate(['db', 'status'])).code).toBe(0));
    expect(opened?.data.person).toBe('scripted');
  });
});

test('a configuration that others could write to, or that is wrong, starts nothing', async () => {
  const mandate = new Installation(asAccount, 'admin: { allow_everything: true }');
  try {
    await expect(mandate.up()).rejects.toThrow(/E_CONFIG[^]*mandate.yaml:1:10: unknown key admin.allow_everything/);
    writeFileSync(mandate.configFile, SCRIPTED, { mode: 0o666 });
    chmodSync(mandate.configFile, 0o666);
    await expect(mandate.up()).rejects.toThrow(/E_STATE_PERMISSIONS/);
  } finally {
    await mandate.end();
  }
});
