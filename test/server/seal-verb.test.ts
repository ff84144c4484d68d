import { MandateError } from '../../src/domain/errors';
import type { KeyHomeKind, SealedBy, WantedKeyHome } from '../../src/domain/key-seal';
import type { Callers, PinnedCaller, Standing } from '../../src/server/callers';
import { sealVerb, type SealVerbParts } from '../../src/server/seal-verb';

const PASSPHRASE = 'a long enough passphrase';
const SECRET = Buffer.from(PASSPHRASE).toString('base64');

interface Case {
  readonly home?: KeyHomeKind;
  readonly wantedHome?: WantedKeyHome;
  readonly refused?: MandateError;
  readonly supervised?: boolean;
  readonly credential?: string;
  readonly fails?: 'record' | 'announce' | 'seal';
  readonly alive?: boolean;
}

/** The verb on an installation that writes down what happens, in its order. */
function sealing({ home = 'plain', wantedHome = 'found', refused, supervised = true, credential, fails, alive = true }: Case) {
  const did: string[] = [];
  const secrets: Buffer[] = [];
  const step = (what: string, text: string): void => {
    if (fails === what) throw new Error(`${what} failed`);
    did.push(text);
  };
  const caller = { pid: 7, uid: 0, key: 'k', alive: () => alive } as PinnedCaller;
  const parts: SealVerbParts = {
    callers: {
      administer: async (verb: string) => {
        if (refused) throw refused;
        did.push(`administer ${verb}`);
        return {} as Standing;
      },
    } as unknown as Callers,
    keys: {
      home,
      seal: async (secret: Buffer, by: SealedBy) => {
        secrets.push(secret);
        step('seal', `seal by ${by}: ${secret.toString()}`);
        return { home: by === 'passphrase' ? 'sealed' : 'credential', keys: 2, left: 0 };
      },
    },
    keeper: {
      next: supervised ? async (secret) => step('announce', `announce ${secret.toString()}`) : undefined,
      inForce: () => did.push('in force'),
      credential: () => (credential === undefined ? undefined : Buffer.from(credential)),
    },
    wantedHome,
    keysSealed: async (by) => step('record', `record ${by}`),
  };
  const { sealKeys } = sealVerb(parts);
  return { did, secrets, ask: (secret: string | null, again: boolean) => sealKeys({ secret, again }, caller) };
}

test('on record first, then known to whoever starts the server again, then done; the secret is wiped', async () => {
  const { did, secrets, ask } = sealing({});
  expect(await ask(SECRET, false)).toEqual({ home: 'sealed', keys: 2, left: 0 });
  expect(did).toEqual([
    'administer ca seal',
    'record passphrase',
    `announce ${PASSPHRASE}`,
    `seal by passphrase: ${PASSPHRASE}`,
    'in force',
  ]);
  expect(secrets[0]!.every((byte) => byte === 0)).toBe(true);
});

test.each(['record', 'announce', 'seal'] as const)('where %s fails, nothing after it is done', async (fails) => {
  const { did, ask } = sealing({ fails });
  await expect(ask(SECRET, false)).rejects.toThrow(`${fails} failed`);
  expect(did).not.toContain('in force');
  expect(did.some((line) => line.startsWith('seal by'))).toBe(false);
});

test('who does not administer, or is gone by then, changes nothing', async () => {
  const no = sealing({ refused: new MandateError('E_AGENT_NOT_ADMIN') });
  await expect(no.ask(SECRET, false)).rejects.toMatchObject({ code: 'E_AGENT_NOT_ADMIN' });
  const gone = sealing({ alive: false });
  await expect(gone.ask(SECRET, false)).rejects.toMatchObject({ code: 'E_PEER_GONE' });
  expect([...no.did, ...gone.did].filter((line) => !/^(administer|record)/.test(line))).toEqual([]);
});

test('under systemd: by its credential, read when it is asked for', async () => {
  const { did, ask } = sealing({ supervised: false, credential: 'of the unit' });
  expect(await ask(null, false)).toMatchObject({ home: 'credential' });
  expect(did.slice(1)).toEqual(['record credential', 'seal by credential: of the unit', 'in force']);
});

test.each<[string, Case, string | null, boolean]>([
  ['seal, where they are sealed', { home: 'sealed' }, SECRET, false],
  ['reseal, where they are plain', {}, SECRET, true],
  ['a passphrase, where systemd starts the server', { supervised: false, credential: 'c' }, SECRET, false],
  ['a credential that is not there', {}, null, false],
  ['what the configuration does not say', { wantedHome: 'credential' }, SECRET, false],
  ['what the configuration rules out', { wantedHome: 'plain' }, SECRET, false],
])('%s: E_KEY_SEAL, and nothing is changed', async (_what, given, secret, again) => {
  const { did, ask } = sealing(given);
  await expect(ask(secret, again)).rejects.toMatchObject({ code: 'E_KEY_SEAL' });
  expect(did).toHaveLength(1);
});

test.each([['no base64 ä'], ['A'.repeat(4000)], [7], [undefined], [{}]])('%j is no secret', async (secret) => {
  await expect(sealing({}).ask(secret as string, false)).rejects.toMatchObject({ code: 'E_REQUEST' });
});
