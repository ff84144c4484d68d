import { userInfo } from 'node:os';
import { fetchJwtSvid, fetchX509Bundles, fetchX509Svid } from './calls';
import { ServedInstallation } from './served-installation';
import type { WireClient } from './wire-client';

const UNAVAILABLE = 14;

jest.setTimeout(180_000);

const idsOf = (svids: readonly { readonly spiffeId: string }[]) => svids.map(({ spiffeId }) => spiffeId);

describe('several identities of one process', () => {
  let mandate: ServedInstallation;
  let client: WireClient;
  let agentId: string;
  const three = () => [`${agentId}/first`, agentId, `${agentId}/last`];

  beforeAll(async () => {
    mandate = await ServedInstallation.start();
    agentId = `spiffe://${mandate.trustDomain}/agent/${userInfo().username}`;
    await mandate.rules({
      'a-last': { id: '/agent/{user}/last', priority: -3, hint: 'twice' },
      'z-first': { id: '/agent/{user}/first', priority: 3, hint: 'twice' },
    });
    client = await mandate.launched('three');
  });
  afterAll(() => mandate?.end());

  const seen = async (connection: string) => {
    const [x509, jwt] = [fetchX509Svid(client, { connection }), fetchJwtSvid(client, ['a'], '', { connection })];
    const [{ svids }, { svids: tokens }] = [await x509.message(), await jwt.message()];
    x509.cancel();
    return { svids, tokens };
  };

  it('WL-03, WL-20, WL-29, WL-41, WL-43: are all in the first message, by priority, with keys of their own', async () => {
    const { svids, tokens } = await seen('three');
    expect(svids.map(({ spiffeId }) => spiffeId)).toEqual(three());
    expect(tokens.map(({ spiffeId }) => spiffeId)).toEqual(three());
    expect(new Set(svids.map(({ x509SvidKey }) => Buffer.from(x509SvidKey).toString('hex'))).size).toBe(3);
  });

  it('WL-27, WL-44: a hint that two rules give stays with the first of them', async () => {
    const { svids, tokens } = await seen('three');
    expect([svids.map(({ hint }) => hint), tokens.map(({ hint }) => hint)]).toEqual([
      ['twice', '', ''],
      ['twice', '', ''],
    ]);
  });

  it('WL-42: each of them can be asked for alone', async () => {
    for (const id of three()) {
      const { svids } = await fetchJwtSvid(client, ['a'], id).message();
      expect(svids.map(({ spiffeId }) => spiffeId)).toEqual([id]);
    }
  });

  it('WL-28: a hint that clients need not support is refused with its rule', async () => {
    // Of nobody: were it taken, the other tests would not see it.
    const rule = { id: '/hinted', hint: 'x'.repeat(1025), match: { 'user.uid': 4242424242 } };
    await expect(mandate.rule('hinted', rule)).rejects.toThrow('issue.hint');
  });

  it('WL-04: a changed hint is sent', async () => {
    const call = fetchX509Svid(client, { connection: 'hint' });
    await call.message();
    await mandate.rule('a-last', { id: '/agent/{user}/last', priority: -3, hint: 'once' });
    // Changed rules give fresh SVIDs one after another; a message always has all of them.
    const { svids } = await call.message(2);
    expect(svids.map(({ spiffeId, hint }) => [spiffeId, hint])).toEqual(three().map((id, i) => [id, ['twice', '', 'once'][i]]));
    call.cancel();
  });

  it('WL-06: of many quick changes the last is complete, and no more than each of them is sent', async () => {
    const call = fetchX509Svid(client, { connection: 'quick' });
    await call.message();
    const changes = 8;
    for (let i = 0; i < changes; i++) await mandate.rule(`quick-${i}`, { id: `/quick/${i}`, priority: -10 - i });
    const expected = [...three(), ...Array.from({ length: changes }, (_, i) => `spiffe://${mandate.trustDomain}/quick/${i}`)];
    let message = 1;
    while ((await call.message(message)).svids.length < expected.length) message++;
    expect((await call.message(message)).svids.map(({ spiffeId }) => spiffeId)).toEqual(expected);
    expect(call.messages.length).toBeLessThanOrEqual(1 + changes);
    call.cancel();
    await mandate.rules(
      Object.fromEntries(Array.from({ length: changes }, (_, i) => [`quick-${i}`, { id: `/quick/${i}`, disabled: true }])),
    );
  });

  it('WL-29: they come in the same order after a restart', async () => {
    await mandate.down();
    await mandate.up();
    const { svids, tokens } = await seen('after');
    expect([svids, tokens].map((all) => all.map(({ spiffeId }) => spiffeId))).toEqual([three(), three()]);
  });

  const stopped = process.getuid?.() === 0 ? it : it.skip;
  stopped(
    'WE-12, WE-14, WL-02: while the server does not answer, what is held is sent at once and newcomers hear Unavailable',
    async () => {
      const before = idsOf((await seen('before')).svids);
      const [newcomer, server] = [await mandate.launched('newcomer'), mandate.serverPid];
      process.kill(server, 'SIGSTOP');
      try {
        const held = fetchX509Svid(client, { connection: 'held' });
        expect(idsOf((await held.message()).svids)).toEqual(before);
        const bundles = fetchX509Bundles(client, { connection: 'held' });
        await bundles.message();
        for (const call of [fetchX509Svid(newcomer), fetchJwtSvid(newcomer, ['a'])]) {
          expect(await call.ended()).toMatchObject({ status: UNAVAILABLE, code: 'E_SERVER_DOWN' });
        }
        for (const call of [held, bundles]) call.cancel();
      } finally {
        process.kill(server, 'SIGCONT');
      }
    },
  );
});
