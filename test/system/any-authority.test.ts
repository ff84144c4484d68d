import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { AnyAuthority } from '../../src/system/any-authority';
import { FairShare } from '../../src/system/fair-share';
import { worthALook } from '../../src/system/first-words';
import { EMPTY_SETTINGS, frameBytes, PREFACE } from '../../src/system/http2-frames';
import { ConnectionOpening } from '../../src/system/connection-opening';
import { systemClock } from '../../src/system/clock';
import { listenForPeers, PEER_SERVER_OPTIONS, type PeerListener } from '../../src/system/peer-listener';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { quiet } from './peers';
import { literal, type Manner, requests } from './raw-http2';

const raw = {
  requestSerialize: (x: Buffer) => x,
  requestDeserialize: (x: Buffer) => x,
  responseSerialize: (x: Buffer) => x,
  responseDeserialize: (x: Buffer) => x,
};
const PATH = '/t.T/Host';
const EMPTY_OF_THE_TABLE = Buffer.of(0x81);
const NEWEST = Buffer.of(0xbe);

/** A request with this `:authority`, or none, and these fields after it. */
const request = (authority: Buffer, ...after: Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(0x83, 0x86), literal(':path', PATH), authority, ...after, literal('content-type', 'application/grpc')]);
const named = (value: string): Buffer => literal(':authority', value);

describe('a client of a unix socket', () => {
  const readiness = new Readiness(quiet);
  const processes = new PinnedProcesses(readiness);
  const folder = mkdtempSync(join(tmpdir(), 'authority-'));
  const path = join(folder, 's', 'agent.sock');
  let listener: PeerListener;

  beforeAll(async () => {
    const server = new grpc.Server(PEER_SERVER_OPTIONS);
    server.addService(
      { host: { path: PATH, requestStream: false, responseStream: false, ...raw } },
      {
        host: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) =>
          callback(null, Buffer.from(`${call.getHost()} to ${listener.peerOf(call)!.process.pid}, ${call.request.length}`)),
      },
    );
    listener = await listenForPeers({
      server,
      path,
      folderMode: 0o755,
      socketMode: 0o666,
      processes,
      readiness,
      admit: () => {},
      senderPeek: true,
      anyAuthority: true,
      maxPerProcess: 100,
      maxPerUid: 100,
      maxTotal: 1000,
      onRefused: () => {},
      clock: systemClock,
      log: quiet,
    });
  });
  afterAll(async () => {
    await listener.close();
    await readiness.close();
    rmSync(folder, { recursive: true });
  });

  const manners: [string, Manner][] = [
    ['at once', {}],
    ['after SETTINGS', { waits: true }],
    ['in pieces after SETTINGS', { waits: true, split: true }],
    ['byte by byte', { trickles: true, split: true }],
  ];
  const answer = (host: string) => `${host} to ${process.pid}, 1`;

  describe.each(manners)('that asks %s', (_, manner) => {
    it.each<[string, Buffer, string]>([
      ['localhost', named('localhost'), 'localhost'],
      ['a coded path', named('%2Frun%2Fx.sock'), '%2Frun%2Fx.sock'],
      ['the path of the socket', named('/run/x.sock'), 'localhost'],
      ['a URI', named('unix:///run/x.sock'), 'localhost'],
      ['nothing, as a literal', named(''), 'localhost'],
      ['nothing, from the table', EMPTY_OF_THE_TABLE, 'localhost'],
      ['no field', Buffer.alloc(0), 'localhost'],
      ['no field, but host', literal('host', 'here'), 'here'],
    ])('CI-20: says %s and is served', async (_name, authority, host) => {
      expect(await requests(path, [request(authority)], manner)).toEqual([answer(host)]);
    });

    it('CI-20: says the path once and then names it by the table, and every request is served', async () => {
      // The path is older than the content type by one entry; nothing of ours may shift that.
      const first = request(named('/run/x.sock'));
      const again = Buffer.concat([Buffer.of(0x83, 0x86, 0xc0, 0xbf, 0xbe)]);
      expect(await requests(path, [first, again, again], manner)).toEqual(Array(3).fill(answer('localhost')));
    });

    it('says what no client means and is reset as before', async () => {
      expect(await requests(path, [request(named('a b'))], manner)).toEqual(['reset 1']);
    });
  });

  it('whose first words are those of most clients is served at once where it says a host, and reset as before where it says a path', async () => {
    const most: Manner = { waits: true, plain: true };
    expect(await requests(path, [request(named('localhost'))], most)).toEqual([answer('localhost')]);
    expect(await requests(path, [request(named('/run/x.sock'))], most)).toEqual(['reset 1']);
  });

  it('whose table is broken after a request that was rewritten is closed', async () => {
    expect(await requests(path, [request(named('/x')), Buffer.of(0xff, 0xff), NEWEST], { waits: true })).toEqual([
      answer('localhost'),
      'closed',
    ]);
  });
});

describe('the places of connections that are rewritten', () => {
  const folder = mkdtempSync(join(tmpdir(), 'places-'));
  const path = join(folder, 'agent.sock');
  const ends: Socket[] = [];
  afterAll(() => {
    for (const end of ends) end.destroy();
    rmSync(folder, { recursive: true });
  });

  it('are shared by users: who holds as many as are left is closed, whoever else comes is served', async () => {
    let outcome: (said: 'served' | 'closed') => void;
    const authority = new AnyAuthority({
      hand: (socket) => {
        ends.push(socket);
        outcome('served');
      },
      places: new FairShare(4),
      clock: systemClock,
      log: quiet,
    });
    let uid = 0;
    const server = createServer({ pauseOnConnect: true }, (socket) => authority.begin(socket, { id: 'peer', uid })).listen(path);
    await once(server, 'listening');
    const comes = (user: number): Promise<string> =>
      new Promise((resolve) => {
        [uid, outcome] = [user, resolve];
        const client = connect(path, () =>
          client.write(Buffer.concat([PREFACE, EMPTY_SETTINGS, frameBytes(1, 4, 1, request(named('/run/x.sock')))])),
        );
        client.on('error', () => undefined).once('close', () => resolve('closed'));
        ends.push(client);
      });
    const seen: string[] = [];
    for (const user of [7, 7, 7, 8, 7]) seen.push(await comes(user));
    server.close();
    expect(seen).toEqual(['served', 'served', 'closed', 'served', 'closed']);
  });
});

describe('a client that is looked at while its SETTINGS are on the way', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cut-'));
  const path = join(folder, 'agent.sock');
  const ends: Socket[] = [];
  afterAll(() => {
    for (const end of ends) end.destroy();
    rmSync(folder, { recursive: true });
  });

  /** Begins when `opening` was said up to `cut`; then the client says the rest, and once SETTINGS came, its request. */
  const begun = async (opening: Buffer, cut: number): Promise<string> => {
    const server = createServer({ pauseOnConnect: true }).listen(path);
    await once(server, 'listening');
    const client = connect(path);
    const [accepted] = (await once(server, 'connection')) as [Socket];
    server.close();
    ends.push(client, accepted);
    await new Promise((written) => client.write(opening.subarray(0, cut), written));
    client.once('data', () => client.write(frameBytes(1, 4, 1, request(named('/run/x.sock')))));
    const handed = new Promise<Socket>((hand) =>
      new AnyAuthority({ hand, places: new FairShare(4), clock: systemClock, log: quiet }).begin(accepted, { id: 'peer', uid: 7 }),
    );
    client.write(opening.subarray(cut));
    const socket = await handed;
    ends.push(socket);
    if (socket !== accepted) return 'rewritten';
    return `as it is, ${socket.readableLength} bytes read and ${socket.bytesWritten} said`;
  };
  const fromJava = Buffer.concat([PREFACE, frameBytes(4, 0, 0, Buffer.of(0, 3, 0, 0, 0, 0))]);
  const fromOthers = Buffer.concat([PREFACE, EMPTY_SETTINGS]);

  it.each([1, PREFACE.length, PREFACE.length + 1, PREFACE.length + 9, fromJava.length - 1])(
    'CI-20: is served as it would be a moment later, cut after %d bytes',
    async (cut) => {
      expect(await begun(fromJava, cut)).toBe('rewritten');
      // Who has said everything by then is not read from at all.
      const read = cut < fromOthers.length ? fromOthers.length : 0;
      expect(await begun(fromOthers, cut)).toBe(`as it is, ${read} bytes read and 0 said`);
    },
  );
});

describe('first words that are worth a look', () => {
  const settings = (...entries: number[]) => frameBytes(4, 0, 0, Buffer.from(entries));
  it.each<[string, Buffer, boolean | undefined]>([
    ['nothing yet', Buffer.alloc(0), undefined],
    ['half a preface', PREFACE.subarray(0, 12), undefined],
    ['a preface', PREFACE, undefined],
    ['a preface and SETTINGS', Buffer.concat([PREFACE, EMPTY_SETTINGS]), false],
    ['SETTINGS that are cut', Buffer.concat([PREFACE, settings(0, 3, 0, 0, 0, 0)]).subarray(0, -1), undefined],
    [
      'a frame that is cut and longer than SETTINGS are',
      Buffer.concat([PREFACE, frameBytes(4, 0, 0, Buffer.alloc(600))]).subarray(0, -1),
      false,
    ],
    ['SETTINGS of grpc-go', Buffer.concat([PREFACE, settings(0, 4, 0, 1, 0, 0, 0, 6, 0, 0, 64, 0)]), false],
    ['SETTINGS of grpc-java', Buffer.concat([PREFACE, settings(0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 4, 0, 16, 0, 0)]), true],
    ['a request', Buffer.concat([PREFACE, EMPTY_SETTINGS, frameBytes(1, 4, 1, request(named('x')))]), true],
    ['a frame without end', Buffer.concat([PREFACE, Buffer.alloc(16, 0xff)]), false],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), false],
  ])('%s: %s', (_, said, worth) => expect(worthALook(said)).toBe(worth));
});

describe('the opening of a connection', () => {
  const headers = (authority: Buffer, flags = 4) => frameBytes(1, flags, 1, request(authority));
  const ACK = frameBytes(4, 1, 0, Buffer.alloc(0));
  const UPDATE = frameBytes(8, 0, 0, Buffer.of(0, 0, 1, 0));
  const [FINE, PATH_OF_SOCKET] = [headers(named('localhost')), headers(named('/run/x.sock'))];

  it('is as it was where the first request is fine', () => {
    const opening = new ConnectionOpening();
    const said = Buffer.concat([PREFACE, EMPTY_SETTINGS, UPDATE, FINE, Buffer.of(0, 0)]);
    expect([opening.read(said), opening.bytes.equals(said)]).toEqual(['as-is', true]);
  });

  it('goes on without the acknowledgement of SETTINGS that Node did not send, however it is cut', () => {
    const said = [Buffer.concat([PREFACE, EMPTY_SETTINGS]), ACK, FINE, Buffer.of(0, 0, 5)];
    const opening = new ConnectionOpening();
    expect([opening.read(said[0]!), opening.announce(), opening.announce()]).toEqual(['wait', true, false]);
    expect([opening.read(FINE), opening.read(Buffer.concat([ACK, said[3]!]))]).toEqual(['wait', 'as-is']);
    expect(opening.bytes).toEqual(Buffer.concat([PREFACE, EMPTY_SETTINGS, FINE, said[3]!]));
  });

  it.each<[string, Buffer[]]>([
    ['whose first request is for a path', [PREFACE, EMPTY_SETTINGS, PATH_OF_SOCKET]],
    ['that asks something before its first request', [PREFACE, EMPTY_SETTINGS, frameBytes(6, 0, 0, Buffer.alloc(8))]],
  ])('is rewritten where it is one %s', (_, said) => {
    const opening = new ConnectionOpening();
    expect([opening.read(Buffer.concat(said)), opening.everything]).toEqual(['rewritten', Buffer.concat(said)]);
  });

  it.each<[string, Buffer]>([
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['frames that are too large', Buffer.concat([PREFACE, Buffer.of(0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0)])],
    ['CONTINUATION of nothing', Buffer.concat([PREFACE, frameBytes(9, 4, 1, Buffer.alloc(0))])],
    ['HEADERS that nothing can read', Buffer.concat([PREFACE, frameBytes(1, 4, 1, Buffer.of(0xff, 0xff))])],
    ['padding beyond its frame', Buffer.concat([PREFACE, frameBytes(1, 4 | 8, 1, Buffer.of(200, 0x82))])],
  ])('is left to Node where it is %s', (_, said) => {
    const opening = new ConnectionOpening();
    expect([opening.read(said), opening.bytes]).toEqual(['as-is', said]);
  });

  it('ends where a block never does', () => {
    const opening = new ConnectionOpening();
    opening.read(Buffer.concat([PREFACE, headers(named('/x'), 0)]));
    const more = Buffer.concat(Array.from({ length: 40 }, () => frameBytes(9, 0, 1, Buffer.alloc(0))));
    expect(opening.read(more)).toBe('as-is');
  });
});
