import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { until } from '../supervision/until';
import { fetchJwtBundles, fetchX509Bundles, fetchX509Svid } from './calls';
import { ServedInstallation } from './served-installation';
import { SECURITY_HEADER, type WireClient } from './wire-client';

const [INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, UNAVAILABLE] = [3, 4, 7, 14];
const NOBODY_ELSE = 65_533;
const root = process.getuid?.() === 0;

jest.setTimeout(180_000);

/** Empty where the descriptor was closed meanwhile. */
function readlinkOrNothing(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

describe('connections to the Workload API', () => {
  let mandate: ServedInstallation;
  let client: WireClient;

  beforeAll(async () => {
    mandate = await ServedInstallation.start();
    client = await mandate.launched('connections');
  });
  afterAll(() => mandate?.end());

  async function servesOn(): Promise<void> {
    const [open, connection] = [mandate.connections(), `check ${client.id()}`];
    const call = fetchX509Svid(client, { connection });
    expect((await call.message()).svids).toHaveLength(1);
    client.tell({ do: 'disconnect', connection });
    await until('its connection is gone', () => mandate.connections() <= open);
  }

  it('WL-15: one connection carries 200 streams, again and again: cancelled ones take no place', async () => {
    await servesOn();
    const kinds = [fetchX509Svid, fetchX509Bundles, fetchJwtBundles] as const;
    // Six times 200: more than the 1,000 streams one connection may have open.
    for (let round = 0; round < 6; round++) {
      const calls = Array.from({ length: 200 }, (_, i) => kinds[i % kinds.length]!(client, { connection: 'many' }));
      await Promise.all(calls.map((call) => call.message()));
      for (const call of calls) call.cancel();
      await Promise.all(calls.map((call) => call.ended()));
    }
    await servesOn();
  });

  it('a process has a thousand calls under way on all its connections together, and those that end make room', async () => {
    const crowded = await mandate.launched('calls');
    const before = mandate.connections();
    const calls = Array.from({ length: 1000 }, (_, i) => fetchX509Svid(crowded, { connection: `c${i % 5}` }));
    await Promise.all(calls.map((call) => call.message()));
    const another = () => fetchX509Svid(crowded, { connection: 'another' });
    expect(await another().refused()).toMatchObject({ status: UNAVAILABLE, code: 'E_PEER_CALLS' });
    await servesOn();
    for (const call of calls.slice(0, 200)) call.cancel();
    // What was cancelled is heard of by the connections one after another.
    for (let served = false; !served;) {
      const call = another();
      served = await Promise.race([call.message().then(() => true), call.ended().then(() => false)]);
      if (served) call.cancel();
    }
    await crowded.kill();
    // The next case counts from what is open when it begins.
    await until('its connections are gone', () => mandate.connections() <= before);
  });

  it('WL-15: a closed connection leaves nothing open', async () => {
    const descriptors = () => readdirSync(`/proc/${mandate.nodePid}/fd`).length;
    const [connections, fds] = [mandate.connections(), root ? descriptors() : 0];
    const names = Array.from({ length: 100 }, (_, i) => `leak ${i}`);
    const calls = names.map((connection) => fetchX509Svid(client, { connection }));
    await Promise.all(calls.map((call) => call.message()));
    expect(mandate.connections()).toBeGreaterThanOrEqual(connections + names.length);
    for (const connection of names) client.tell({ do: 'disconnect', connection });
    await until('every connection is gone', () => mandate.connections() <= connections);
    // The node is non-dumpable: only root may count its descriptors.
    if (root) await until('every descriptor is closed', () => descriptors() <= fds);
  });

  it('WL-15: a deadline of the client ends its stream', async () => {
    // Whether a message came before is up to the machine.
    const call = fetchX509Svid(client, { headers: { ...SECURITY_HEADER, 'grpc-timeout': '300m' } });
    expect(await call.ended()).toMatchObject({ status: DEADLINE_EXCEEDED });
  });

  it('WE-01: pings are answered, with a stream and without', async () => {
    const call = fetchX509Svid(client, { connection: 'pinging' });
    await call.message();
    for (const streams of [1, 0]) {
      if (streams === 0) call.cancel();
      const id = client.id();
      client.tell({ do: 'ping', id, connection: 'pinging' });
      expect(await client.heard(id, 'the answer', (line) => line.ponged !== undefined)).toMatchObject({ ponged: true });
    }
  });

  (root ? it : it.skip)('WE-02, WE-03: the node listens on its unix socket and on no address of a network', () => {
    expect(mandate.status.workloadApi).toMatch(/^unix:\/\/\//);
    const sockets = readdirSync(`/proc/${mandate.nodePid}/fd`).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(readlinkOrNothing(`/proc/${mandate.nodePid}/fd/${fd}`))?.[1] ?? [],
    );
    const inodes = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
      readFileSync(`/proc/${mandate.nodePid}/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[9]),
    );
    expect(sockets.length).toBeGreaterThan(0);
    expect(sockets.filter((inode) => inodes.includes(inode))).toEqual([]);
  });

  it('a connection that says nothing is closed', async () => {
    const id = client.id();
    client.tell({ do: 'raw', id, bytes: '' });
    expect(await client.heard(id, 'its end', (line) => line.ended === true)).toMatchObject({ received: 0 });
    await servesOn();
  });

  it.each<[string, Buffer]>([
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nworkload.spiffe.io: true\r\n\r\n')],
    ['TLS', Buffer.from(`160301020001000${'1fc03'.padEnd(100, '03')}`.slice(0, 110), 'hex')],
    ['noise', randomBytes(4096)],
    ['zeros', Buffer.alloc(4096)],
    // One in five hundred would begin as SETTINGS whose end is yet to come, and be waited for.
    [
      'the preface and then noise',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(9, 0xff), randomBytes(4096)]),
    ],
  ])('a connection that speaks something else (%s) is closed and costs nobody else', async (_, bytes) => {
    const id = client.id();
    client.tell({ do: 'raw', id, bytes: bytes.toString('base64') });
    await client.heard(id, 'its end', (line) => line.ended === true);
    await servesOn();
  });

  it("WE-08, WE-09: a request that a child wrote into its parent's connection is refused", async () => {
    const id = client.id();
    client.tell({ do: 'lend', id });
    const answer = await client.heard(id, 'the answer to the child', (line) => line.ended === true);
    expect(answer).toMatchObject({ status: PERMISSION_DENIED, messages: 0 });
    await servesOn();
  });

  it('WE-09: a stream ends with its process, also where another process still holds the connection', async () => {
    const dying = await mandate.launched('dying');
    const call = fetchX509Svid(dying, { connection: 'inherited' });
    await call.message();
    const id = dying.id();
    dying.tell({ do: 'share', id, connection: 'inherited' });
    await dying.heard(id, 'the child that holds the connection', (line) => line.waiting !== undefined);
    await dying.kill();
    await dying.heard(id, 'the end of the connection', (line) => line.ended === true);
    await servesOn();
  });

  const program = path.resolve(__dirname, '../../bin/mandate');
  const readable =
    root &&
    spawnSync('setpriv', ['--reuid', String(NOBODY_ELSE), '--regid', String(NOBODY_ELSE), '--clear-groups', 'test', '-r', program])
      .status === 0;
  if (!readable) process.stderr.write(`skipped: another user needs root and a clone that user ${NOBODY_ELSE} can read\n`);
  (readable ? describe : describe.skip)("of another user, where the node is one user's own", () => {
    let theirs: ServedInstallation;
    beforeAll(async () => {
      theirs = await ServedInstallation.start({ uid: NOBODY_ELSE, gid: NOBODY_ELSE });
    });
    afterAll(() => theirs?.end());

    it('WE-06, WE-08: are refused, whoever they are, but for a missing security header first', async () => {
      const stranger = await theirs.outside();
      expect(await fetchX509Svid(stranger).refused()).toMatchObject({ status: PERMISSION_DENIED, code: 'E_PEER_OTHER_USER' });
      const without = fetchX509Svid(stranger, { connection: 'without header', headers: {} });
      expect(await without.refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_SECURITY_HEADER' });
    });
  });
});
