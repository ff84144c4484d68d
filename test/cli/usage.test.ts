import { mandate } from './command-line';

describe('a command line that is not understood exits 2 and says what would be', () => {
  test.each([
    [['statu'], 'no such command: mandate statu', 'did you mean: mandate status'],
    [['agents', 'lss'], 'no such command: mandate agents lss', 'did you mean: mandate agents ls'],
    [[], 'no command after: mandate', 'see mandate --help'],
    [['agents'], 'no command after: mandate agents', 'see mandate agents --help'],
    [['status', '--stat', '/x'], "unknown option '--stat'", 'did you mean --state?'],
    [['svid', '--audiance', 'a'], "unknown option '--audiance'", 'did you mean --audience?'],
    [['rules', 'validate'], "missing required argument 'files'", 'see mandate rules validate --help'],
    [['who'], "missing required argument 'pid'", 'see mandate who --help'],
    [['who', 'abc'], 'pid: abc', 'a whole number from 1 to 4194304'],
    [['who', '0'], 'pid: 0', 'a whole number from 1 to 4194304'],
    [['status', 'extra'], 'too many arguments', 'see mandate status --help'],
    [['status', '-o', 'yaml'], '-o yaml', 'one of text, json, jsonl'],
    [['svid', '--jwt'], '--jwt without --audience', 'mandate svid --jwt --audience'],
    [['svid', '--audience', 'a'], '--audience without --jwt', 'mandate svid --jwt --audience'],
    [['svid', '--wait', '0'], '--wait: 0', 'a whole number'],
    [['verify', '/dev/null'], 'nobody it must be', '--any-agent'],
    [['verify', '--id', 'spiffe://a/b', '--any-agent', '/dev/null'], 'both --id and --any-agent', '--any-agent'],
    [['bundle', 'export', '--format', 'der'], '--format der', 'one of pem, spiffe, jwks'],
    [['agents', 'ls', '--limit', '-1'], '--limit: -1', 'a whole number from 1 to 10000'],
    [['status', '--state', ''], 'a state folder that no path can name', '--state'],
  ])('%j', async (argv, saw, fix) => {
    const { exit, out, err } = await mandate(argv);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain('the command line is not understood (E_USAGE)\n');
    expect(err).toContain(saw);
    expect(err).toContain(fix);
  });

  test.each([[['-o', 'json', 'statu']], [['statu', '-ojson']], [['statu', '--output=json']]])(
    'as JSON where JSON was asked for: %j',
    async (argv) => {
      const { exit, out, err } = await mandate(argv);
      expect([exit, err]).toEqual([2, '']);
      expect(JSON.parse(out)).toMatchObject({ error: { code: 'E_USAGE', help: 'mandate help E_USAGE' } });
    },
  );

  test('flags of a launched command are not read', async () => {
    const { exit, out } = await mandate(['run', '-o', 'jsonl', 'true', '-o', 'json']);
    expect(exit).toBe(125);
    expect(out.trim().split('\n')).toHaveLength(1);
  });

  test('a mistake before the launched command is a failure of run', async () => {
    expect((await mandate(['run', '--nmae', 'x', '--', 'true'])).exit).toBe(125);
  });

  test('hostile words are shown, not obeyed', async () => {
    const { err } = await mandate(['\u001b[2J\u202e']);
    expect(err).toContain('\\x1b[2J\\u202e');
    expect(err).not.toContain('\u001b[2J');
  });

  test('--version', async () => {
    expect(await mandate(['--version'])).toEqual({ exit: 0, out: 'mandate 0.1.0\n', err: '' });
    expect(JSON.parse((await mandate(['version', '-o', 'json'])).out)).toMatchObject({ version: '0.1.0' });
  });
});
