import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { userInfo } from 'node:os';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { ServerReflectionRequestSchema, ServerReflectionResponseSchema } from '../../src/generated/proto/grpc/reflection/v1/reflection_pb';
import { X509SVIDRequestSchema, X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { fetchJwtBundles, fetchJwtSvid, fetchX509Bundles, fetchX509Svid, validateJwtSvid } from './calls';
import { ServedInstallation } from './served-installation';
import { type CallOptions, framed, SECURITY_HEADER, type WireClient } from './wire-client';

const [OK, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED] = [0, 3, 7, 8, 12];
const AUDIENCE = 'https://git.example';

jest.setTimeout(120_000);

describe('requests to the Workload API', () => {
  let mandate: ServedInstallation;
  let client: WireClient;
  let agentId: string;

  beforeAll(async () => {
    mandate = await ServedInstallation.start();
    client = await mandate.launched('requests');
    agentId = `spiffe://${mandate.trustDomain}/agent/${userInfo().username}`;
  });
  afterAll(() => mandate?.end());

  const other = (path: string, headers: Record<string, string | string[]> = SECURITY_HEADER) =>
    client.call(path, [X509SVIDRequestSchema, X509SVIDResponseSchema], {}, { headers }).refused();

  describe('security header', () => {
    const wrong: [string, Record<string, string | string[]>][] = [
      ['absent', {}],
      ['TRUE', { 'workload.spiffe.io': 'TRUE' }],
      ['True', { 'workload.spiffe.io': 'True' }],
      ['1', { 'workload.spiffe.io': '1' }],
      ['empty', { 'workload.spiffe.io': '' }],
      ['false', { 'workload.spiffe.io': 'false' }],
      ['sent twice', { 'workload.spiffe.io': ['true', 'true'] }],
      ['two values in one', { 'workload.spiffe.io': 'true, true' }],
      ['true and false', { 'workload.spiffe.io': ['true', 'false'] }],
      ['another name', { 'workload.spiffe.i': 'true' }],
    ];
    const methods = [
      'FetchX509SVID',
      'FetchX509Bundles',
      'FetchJWTSVID',
      'FetchJWTBundles',
      'ValidateJWTSVID',
      'FetchWITSVID',
      'FetchWITBundles',
    ];

    it.each(wrong)('WE-05, WE-06: %s is refused by every call, also by those that are not served', async (_, headers) => {
      for (const method of methods) {
        const { status, message, code } = await other(`/SpiffeWorkloadAPI/${method}`, headers);
        expect({ method, status, code }).toEqual({ method, status: INVALID_ARGUMENT, code: 'E_SECURITY_HEADER' });
        expect(message).toContain('security header missing from request');
      }
    });

    it('WE-06: is looked for before the request is read', async () => {
      const call = fetchX509Svid(client, { headers: {}, bytes: framed(randomBytes(100)) });
      expect(await call.refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_SECURITY_HEADER' });
    });

    it('WE-06: is looked for while the request is still open', async () => {
      const call = fetchX509Svid(client, { headers: {}, bytes: framed(Buffer.alloc(10), 0, 1000), half: true });
      expect(await call.refused()).toMatchObject({ status: INVALID_ARGUMENT });
    });
  });

  describe('calls that are not served', () => {
    it.each(['FetchWITSVID', 'FetchWITBundles', 'Nope'])('WE-16, WL-63: %s is Unimplemented', async (method) => {
      expect(await other(`/SpiffeWorkloadAPI/${method}`)).toMatchObject({ status: UNIMPLEMENTED });
    });

    it.each(['/spiffe.workload.SpiffeWorkloadAPI/FetchX509SVID', '/Other/FetchX509SVID', '/mandate.v1.AdminAPI/ApplyRules', '/'])(
      'WE-16: no service at %s',
      async (path) => {
        expect(await other(path)).toMatchObject({ status: UNIMPLEMENTED });
      },
    );

    it.each(['/SpiffeWorkloadAPI/Nope', '/Other/FetchX509SVID'])('WE-16: %s is Unimplemented without the header, too', async (path) => {
      expect(await other(path, {})).toMatchObject({ status: UNIMPLEMENTED });
    });
  });

  describe('reflection', () => {
    const ask = (
      version: string,
      request: NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']>,
      options?: CallOptions,
    ) =>
      client.call(
        `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        [ServerReflectionRequestSchema, ServerReflectionResponseSchema],
        { messageRequest: request },
        options,
      );
    const list = { case: 'listServices', value: '' } as const;

    it.each(['v1', 'v1alpha'])('WE-10: %s names the services, and describes the Workload API', async (version) => {
      const { messageResponse: named } = await ask(version, list).message();
      expect(named).toMatchObject({ value: { service: [{ name: 'SpiffeWorkloadAPI' }, { name: 'grpc.reflection.v1.ServerReflection' }] } });
      const call = ask(version, { case: 'fileContainingSymbol', value: 'SpiffeWorkloadAPI' });
      expect((await call.message()).messageResponse.case).toBe('fileDescriptorResponse');
      expect(await call.ended()).toMatchObject({ status: OK });
    });

    it('WE-05, WE-10: nothing is described without the security header', async () => {
      expect(await ask('v1', list, { headers: {} }).refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_SECURITY_HEADER' });
    });

    it('WE-10: bytes that are no request end the stream alone', async () => {
      const bytes = framed(Buffer.from('0fffffffff', 'hex'));
      expect(await ask('v1', list, { bytes }).refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_REQUEST' });
      expect((await ask('v1', list).message()).messageResponse.case).toBe('listServicesResponse');
    });
  });

  describe('requests that are too large or not what they say', () => {
    it('a message over the bound is refused', async () => {
      const call = fetchJwtSvid(client, [AUDIENCE], '', { bytes: framed(Buffer.alloc(70_000)) });
      expect(await call.refused()).toMatchObject({ status: RESOURCE_EXHAUSTED });
    });

    it('a message that is announced as 4 GiB is refused before it comes', async () => {
      const call = fetchJwtSvid(client, [AUDIENCE], '', { bytes: framed(Buffer.alloc(100), 0, 0xffff_ffff), half: true });
      expect(await call.refused()).toMatchObject({ status: RESOURCE_EXHAUSTED });
    });

    it('a compressed message may not grow past the bound', async () => {
      const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024));
      const call = fetchJwtSvid(client, [AUDIENCE], '', {
        headers: { ...SECURITY_HEADER, 'grpc-encoding': 'gzip' },
        bytes: framed(bomb, 1),
      });
      expect(await call.refused()).toMatchObject({ status: RESOURCE_EXHAUSTED });
    });

    it('WL-12: bytes that are no message are an InvalidArgument, and the connection serves on', async () => {
      const call = fetchJwtSvid(client, [AUDIENCE], '', { bytes: framed(Buffer.from('ffffffffffffffffff', 'hex')) });
      expect(await call.refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_REQUEST' });
      const watch = fetchX509Svid(client, { bytes: framed(Buffer.from('ff', 'hex')) });
      expect(await watch.refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_REQUEST' });
      expect((await fetchJwtSvid(client, [AUDIENCE]).ended()).status).toBe(OK);
    });
  });

  describe('FetchJWTSVID', () => {
    const claims = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { aud: string[]; sub: string; jti: string };
    const many = (count: number) => Array.from({ length: count }, (_, i) => `https://${i}.example`);

    it.each<[string, string[], string[]]>([
      ['one', ['a'], ['a']],
      ['three, in the order asked for', ['c', 'a', 'b'], ['c', 'a', 'b']],
      ['duplicates once, at their first place', ['b', 'a', 'b', 'a'], ['b', 'a']],
      ['empty strings not at all', ['', 'a', ''], ['a']],
      ['as many as clients accept', many(32), many(32)],
      [
        'not bound to be addresses',
        ['spiffe://other.example/x', 'ünïcode', ' spaced '],
        ['spiffe://other.example/x', 'ünïcode', ' spaced '],
      ],
    ])('WL-41, WL-43, JS-08, JS-16: audiences: %s', async (_, asked, given) => {
      const call = fetchJwtSvid(client, asked);
      const { svids } = await call.message();
      expect(svids.map(({ spiffeId }) => spiffeId)).toEqual([agentId]);
      expect(claims(svids[0]!.svid)).toMatchObject({ aud: given, sub: agentId });
      expect((await call.ended()).status).toBe(OK);
    });

    it.each<[string, string[], string]>([
      ['no audience', [], ''],
      ['only empty audiences', ['', ''], ''],
      ['33 audiences', many(33), ''],
      ['an audience no token could carry', ['a'.repeat(1025)], ''],
      ['audiences no token could carry together', Array.from({ length: 9 }, (_, i) => `${i}`.repeat(1024)), ''],
      ['a SPIFFE ID of another scheme', ['a'], 'https://example.org/x'],
      ['a SPIFFE ID with upper case', ['a'], 'spiffe://Example.org/x'],
      ['a SPIFFE ID with a trailing slash', ['a'], 'spiffe://example.org/x/'],
      ['a SPIFFE ID with dots', ['a'], 'spiffe://example.org/../x'],
      ['a SPIFFE ID with a line break', ['a'], 'spiffe://example.org/x\n'],
      ['a SPIFFE ID that is too long', ['a'], `spiffe://example.org/${'x'.repeat(2048)}`],
    ])('WL-12, WL-40, WL-42: InvalidArgument: %s', async (_, audience, spiffeId) => {
      expect(await fetchJwtSvid(client, audience, spiffeId).refused()).toMatchObject({ status: INVALID_ARGUMENT });
    });

    it("WL-42, WE-15: PermissionDenied: somebody else's SPIFFE ID", async () => {
      for (const id of [`spiffe://${mandate.trustDomain}/agent/somebody-else`, 'spiffe://example.org/x', `${agentId}/child`]) {
        const { status, message } = await fetchJwtSvid(client, ['a'], id).refused();
        expect({ id, status }).toEqual({ id, status: PERMISSION_DENIED });
        expect(message).toContain('no identity issued');
      }
    });

    it('the own SPIFFE ID gives one token, and each token is fresh', async () => {
      const ids = new Set<string>();
      for (let i = 0; i < 3; i++) {
        const { svids } = await fetchJwtSvid(client, ['a'], agentId).message();
        expect(svids).toHaveLength(1);
        ids.add(claims(svids[0]!.svid).jti);
      }
      expect(ids.size).toBe(3);
    });
  });

  describe('ValidateJWTSVID', () => {
    let token: string;
    beforeAll(async () => {
      token = (await fetchJwtSvid(client, [AUDIENCE, 'urn:second']).message()).svids[0]!.svid;
    });
    const part = (index: number, change: (text: string) => string) =>
      token
        .split('.')
        .map((text, i) => (i === index ? change(text) : text))
        .join('.');
    const json = (change: object) => (text: string) =>
      Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(text, 'base64url').toString()) as object), ...change })).toString(
        'base64url',
      );
    const flipped = (text: string) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;

    it.each([AUDIENCE, 'urn:second'])('WL-50, WL-52, WL-53: accepts its own token for %s', async (audience) => {
      const { spiffeId, claims } = await validateJwtSvid(client, token, audience).message();
      expect(spiffeId).toBe(agentId);
      expect(claims).toMatchObject({ sub: agentId, aud: [AUDIENCE, 'urn:second'], exp: expect.any(Number) as number });
    });

    it.each<[string, () => string, string]>([
      ['no audience', () => token, ''],
      ['no token', () => '', AUDIENCE],
    ])('WL-49: %s is no request', async (_, svid, audience) => {
      expect(await validateJwtSvid(client, svid(), audience).refused()).toMatchObject({ status: INVALID_ARGUMENT, code: 'E_REQUEST' });
    });

    it.each<[string, () => string, string]>([
      ['another audience', () => token, 'https://elsewhere.example'],
      ['an audience that is only the start', () => token, 'https://git'],
      ['an audience in another case', () => token, AUDIENCE.toUpperCase()],
      ['not a token', () => 'abc', AUDIENCE],
      ['two parts', () => token.split('.').slice(0, 2).join('.'), AUDIENCE],
      ['four parts', () => `${token}.x`, AUDIENCE],
      ['a changed signature', () => part(2, flipped), AUDIENCE],
      ['changed claims', () => part(1, json({ aud: ['changed'] })), 'changed'],
      [
        'alg none',
        () =>
          `${part(0, json({ alg: 'none' }))
            .split('.')
            .slice(0, 2)
            .join('.')}.`,
        AUDIENCE,
      ],
      ['an unknown kid', () => part(0, json({ kid: 'unknown' })), AUDIENCE],
      ['a header of its own', () => part(0, json({ jwk: {} })), AUDIENCE],
      ['padding', () => `${token}=`, AUDIENCE],
      ['a subject of another trust domain', () => part(1, json({ sub: 'spiffe://example.org/x' })), AUDIENCE],
    ])('WL-51: InvalidArgument: %s', async (_, svid, audience) => {
      const { status, message } = await validateJwtSvid(client, svid(), audience).refused();
      expect(status).toBe(INVALID_ARGUMENT);
      expect(message).not.toContain(token.split('.')[2]);
    });
  });

  describe('a process without an identity', () => {
    it('WE-13, WE-15, WL-21, WL-32: is told PermissionDenied by every call that needs one, in the words clients look for', async () => {
      const stranger = await mandate.outside();
      const ends = await Promise.all([
        fetchX509Svid(stranger).refused(),
        fetchX509Bundles(stranger).refused(),
        fetchJwtBundles(stranger).refused(),
        fetchJwtSvid(stranger, ['a']).refused(),
        validateJwtSvid(stranger, 'x.y.z', 'a').refused(),
      ]);
      for (const { status, message, code } of ends) {
        expect({ status, code }).toEqual({ status: PERMISSION_DENIED, code: 'E_NO_RULE' });
        expect(message).toContain('no identity issued');
      }
    });
  });

  // gRPC clients name a unix socket in many ways; grpc-java by its raw path.
  it.each(['localhost', '%2Frun%2Fagent.sock', 'unix', '/run/agent.sock', 'unix:///run/agent.sock'])(
    'CI-20: :authority may be %s',
    async (authority) => {
      const call = fetchX509Svid(client, { connection: `for ${authority}`, headers: { ...SECURITY_HEADER, ':authority': authority } });
      expect((await call.message()).svids).toHaveLength(1);
      call.cancel();
    },
  );
});
