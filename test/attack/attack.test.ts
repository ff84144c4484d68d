import { randomBytes } from 'node:crypto';
import type { AttackCase, Obtained } from './attack-case';
import { CASES } from './cases/all';
import { OPEN } from './expected';
import { Field } from './field';
import { OurMandate } from './our-mandate';
import { anOrdinaryAccount } from './ordinary-account';
import { programsIn } from './programs';
import { obtainedFrom } from './received';
import { runSuite } from './suite';
import type { Row } from './table';
import { judge } from './verdict';

jest.setTimeout(300_000);

const PRIZE = 'spiffe://td/trusted';
const field = new Field({
  mode: 'installed',
  socket: '',
  prize: PRIZE,
  programs: programsIn(''),
  account: undefined,
  seed: '',
  folder: '',
  spawn: () => {
    throw new Error('nothing is started here');
  },
  ours: undefined,
});

const LISTED = 'exec-swap late: within 5 ms of the request';
const attack = (name: string): AttackCase => ({ name, attack: () => Promise.resolve([]) });
const prize: Obtained = { kind: 'identity', spiffeIds: ['spiffe://td/other', PRIZE] };
const other: Obtained = { kind: 'identity', spiffeIds: ['spiffe://td/other'] };
const refused: Obtained = { kind: 'refused', code: 'E_NO_RULE' };

describe('the verdict follows from what was obtained', () => {
  test.each([
    ['nothing that it was after', 'x', [refused, other], false, { verdict: 'defeated', wins: 0, failed: false }],
    ['the identity once in many', 'x', [refused, prize, refused], false, { verdict: 'open', wins: 1, trials: 3, failed: true }],
    ['the same where it is listed', LISTED, [refused, prize], false, { verdict: 'open', failed: false }],
    ['a deed', 'x', [{ kind: 'deed', what: 'read it' }], false, { verdict: 'open', obtained: 'read it', failed: true }],
    ['a deed that traces show', 'x', [{ kind: 'deed', what: 'read it' }], true, { verdict: 'evidence only', failed: true }],
  ] as const)('%s', (_what, name, obtained, marked, expected) => {
    expect(judge(attack(name), field, obtained, marked)).toMatchObject(expected);
  });

  test('what is listed as open and was defeated asks for a tighter list, unless chance or the machine decides', () => {
    expect(judge(attack('LD_PRELOAD'), field, [refused], false)).toMatchObject({ tighten: true });
    expect(judge({ ...attack(LISTED), race: true }, field, [refused], false)).toMatchObject({ tighten: false });
  });
});

test('cases have names of their own, and the list of open ones names no other', () => {
  const names = CASES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(OPEN).filter((name) => !names.includes(name))).toEqual([]);
});

test('a case is open or has a run without its guard', () => {
  const neither = CASES.filter(({ name, withoutGuard }) => withoutGuard === undefined && OPEN[name] === undefined).map(({ name }) => name);
  // Bounds that no one line makes.
  expect(neither).toEqual(['a program that is a FIFO', 'hash flood: forty programs beside an honest one']);
});

test('bytes that are no answer are not taken for one', async () => {
  expect(await obtainedFrom(Buffer.alloc(0), 1)).toEqual({ kind: 'nothing', why: 'cut off' });
  expect(await obtainedFrom(randomBytes(64), 1)).toEqual({ kind: 'nothing', why: 'cut off' });
});

/** One of each kind that needs no second build. */
const QUICK = [
  'exec-swap early: once the node knows the connection',
  'descriptor kept by a child before exec',
  'exec of the same program',
  'exec of the same program, addresses fixed, old memory kept',
  'descriptor passed unused, same uid',
  'memfd under a trusted name',
  'own file replaced by a trusted one',
  'bind mount over a trusted path',
  'LD_PRELOAD, rule without foreign code',
  'ptrace while it asks',
  'theft from /proc/PID/mem, by a launched agent',
  'forged arguments, environment and title',
  'hostile process names',
  'invented evidence on the NodeLink socket',
  'ptrace of the server',
  'memory of the node',
  'rules apply',
  'rules apply on a terminal of its own',
  'agents stop',
  "a launch's identity by a broker",
];
const QUICK_TRIALS = 5;

test('attackers on a running mandate obtain nothing that they have to be kept from', async () => {
  const rows: Row[] = [];
  const asRoot = process.getuid?.() === 0;
  const failed = await runSuite({
    cases: CASES.filter(({ name }) => QUICK.includes(name)).map(({ withoutGuard, ...rest }) => ({
      ...rest,
      // Second builds are made by `make attack`, and one of them below.
      ...(withoutGuard && 'control' in withoutGuard && { withoutGuard }),
    })),
    modes: [asRoot ? 'installed' : 'own user'],
    trials: QUICK_TRIALS,
    seed: randomBytes(4).toString('hex'),
    account: asRoot ? anOrdinaryAccount() : undefined,
    say: (row) => void rows.push(row),
  });
  expect(rows.filter((row) => row.failed)).toEqual([]);
  expect(failed).toBe(0);
  expect(rows.filter(({ verdict, mode }) => mode !== 'guard off' && verdict === 'defeated').length).toBeGreaterThan(QUICK.length - 3);
});

test('a build that does not compare who wrote with who connected is found out', async () => {
  const attacked = CASES.find(({ name }) => name === 'descriptor passed unused, same uid')!;
  const account = process.getuid?.() === 0 ? anOrdinaryAccount() : undefined;
  const patches = attacked.withoutGuard && 'patches' in attacked.withoutGuard ? attacked.withoutGuard.patches : [];
  const unguarded = await OurMandate.field({ mode: account ? 'installed' : 'own user', account, seed: '', patches });
  try {
    const obtained = await attacked.attack(unguarded, 1);
    expect(obtained.filter((one) => unguarded.won(attacked, one))).toHaveLength(1);
  } finally {
    await unguarded.ours.end();
  }
});
