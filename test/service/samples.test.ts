import type { ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { derElements } from '../../src/domain/der';
import { pem } from '../../src/domain/pem';
import type { X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { freePort } from '../../src/supervisor/free-port';
import { systemRandom } from '../../src/system/random';
import { type Finished, Installation, MANDATE, ROOT } from '../running/installation';
import { fetchX509Svid } from '../workload-api/calls';
import { type WireCall, WireClient } from '../workload-api/wire-client';

const compiled = (name: string): string => path.join(ROOT, 'dist/examples/services/typescript', `${name}.js`);
const AUDIENCE = 'https://sample.example';

let mandate: Installation;
let id: (name: string) => string;
beforeAll(async () => {
  mandate = await Installation.start();
  const { trustDomain } = await mandate.json<{ trustDomain: string }>('status');
  id = (name) => `spiffe://${trustDomain}/sample/${name}`;
  await mandate.json('rules', 'apply', path.join(ROOT, 'examples/services/rule.yaml'));
});
afterAll(() => mandate.end());

/** Two ports in a row that nobody has. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = await freePort(systemRandom);
    const second = createServer();
    const free = await new Promise<boolean>((resolve) =>
      second.once('error', () => resolve(false)).listen(port + 1, 'localhost', () => resolve(true)),
    );
    await new Promise((resolve) => second.close(resolve));
    if (free) return port;
  }
}

/** Resolves when the child has said `text`; rejects when it ends before. */
function said(child: ChildProcess, text: string): Promise<void> {
  let heard = '';
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      heard += chunk.toString();
      if (heard.includes(text)) resolve();
    };
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    child.once('exit', () => reject(new Error(`ended without ${text}: ${heard}`)));
  });
}

const launched = (name: string, ...command: string[]): ChildProcess =>
  mandate.spawn(MANDATE, ['run', '--name', name, '--', process.execPath, ...command]);

const called = (name: string, ...args: string[]): Promise<Finished> =>
  mandate.run(MANDATE, ['run', '--name', name, '--', process.execPath, compiled('call'), ...args]);

describe('the TypeScript service', () => {
  let port: number;
  beforeAll(async () => {
    port = await freePorts();
    await said(launched('service', compiled('service'), id('caller'), String(port)), 'listening');
  });

  test('answers the agent it names, by X509-SVID', async () => {
    const { stdout, stderr, code } = await called('caller', `https://localhost:${port}`, id('service'));
    expect([stdout, code]).toEqual([`hello ${id('caller')}\n`, 0]);
    expect(stderr).not.toContain('refused');
  });

  test('refuses another agent, by X509-SVID', async () => {
    const { stdout, stderr, code } = await called('other', `https://localhost:${port}`, id('service'));
    expect([stdout, code]).toEqual(['', 1]);
    expect(stderr).toContain('refused');
  });

  test('answers the agent it names, by JWT-SVID', async () => {
    expect(await called('caller', `https://localhost:${port + 1}`, id('service'), AUDIENCE)).toMatchObject({
      stdout: `hello ${id('caller')}\n`,
      code: 0,
    });
  });

  test('refuses another agent, by JWT-SVID', async () => {
    expect(await called('other', `https://localhost:${port + 1}`, id('service'), AUDIENCE)).toMatchObject({ stdout: 'not allowed here\n' });
  });

  test('is refused by a caller that means another service', async () => {
    const { stdout, stderr, code } = await called('caller', `https://localhost:${port}`, id('other'));
    expect([stdout, code]).toEqual(['', 1]);
    expect(stderr).toContain('the peer is not among those that are allowed here');
  });
});

describe('a TLS session of an SVID that has ended', () => {
  const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];
  const OK = 'HTTP/1.1 200 OK';

  interface Identity {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
  }

  /** The newest SVID of a stream, as a TLS client takes it. */
  function identityOf(stream: WireCall<typeof X509SVIDResponseSchema>): Identity {
    const [svid] = stream.messages.at(-1)!.svids;
    const chain = (der: Uint8Array) =>
      derElements(Buffer.from(der))
        .map((one) => pem('CERTIFICATE', one))
        .join('');
    return { cert: chain(svid!.x509Svid), key: pem('PRIVATE KEY', Buffer.from(svid!.x509SvidKey)), ca: chain(svid!.bundle) };
  }

  interface Visit {
    readonly session: Buffer | undefined;
    readonly resumed: boolean;
    /** First line; empty where the service closed without a word. */
    readonly answer: string;
  }

  /** One connection of a plain TLS client, which resumes where it has a session. */
  function visit(port: number, identity: Identity, version: SecureVersion, session?: Buffer): Promise<Visit> {
    return new Promise((resolve) => {
      // Whether the service is the right one is asked elsewhere.
      const known = { ...identity, checkServerIdentity: () => undefined, ...(session && { session }) };
      const socket = connect({ host: 'localhost', port, minVersion: version, maxVersion: version, ...known });
      let [latest, resumed, answer]: [Buffer | undefined, boolean, string] = [undefined, false, ''];
      socket.on('session', (ticket: Buffer) => (latest = ticket));
      socket.once('secureConnect', () => {
        resumed = socket.isSessionReused();
        socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      });
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve({ session: latest, resumed, answer: answer.split('\r\n', 1)[0]! }));
    });
  }

  /** Visits by each version with an SVID that has not ended yet: a machine that is too slow for one of them gets another SVID. */
  async function sessionsOf(port: number, stream: WireCall<typeof X509SVIDResponseSchema>) {
    for (;;) {
      const identity = identityOf(stream);
      const endsMs = Date.parse(new X509Certificate(identity.cert).validTo);
      const sessions = new Map<SecureVersion, Buffer>();
      for (const version of VERSIONS) {
        const { answer, session } = await visit(port, identity, version);
        if (answer === OK && session) sessions.set(version, session);
        else if (Date.now() < endsMs) throw new Error(`${version}: refused before its end`);
      }
      if (sessions.size === VERSIONS.length) return { identity, endsMs, sessions };
    }
  }

  test('NT-12: is refused by the TypeScript service when it is resumed', async () => {
    const port = await freePorts();
    const service = launched('service', compiled('service'), id('caller'), String(port));
    await said(service, 'listening');
    // One program has an SVID of seconds; that of the service lasts, or its own renewal would end every session.
    const program = path.join(mandate.home, 'brief-node');
    copyFileSync(process.execPath, program);
    await mandate.apply({
      name: 'brief',
      priority: 20,
      match: { 'launch.id': '*', 'binary.path': program },
      issue: { id: '/sample/caller', x509: { ttl: '6s' } },
    });
    const client = new WireClient(mandate.spawn(MANDATE, ['run', '--name', 'caller', '--', program, WireClient.file]));
    await client.started();
    const stream = fetchX509Svid(client);
    await stream.message();

    const { identity, endsMs, sessions } = await sessionsOf(port, stream);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, endsMs - Date.now()) + 1000));
    for (const version of VERSIONS) {
      const refused = said(service, 'refused');
      expect(await visit(port, identity, version, sessions.get(version))).toMatchObject({ resumed: true, answer: '' });
      await refused;
    }
    // The same agent with the SVID of now is answered.
    expect((await sessionsOf(port, stream)).sessions.size).toBe(VERSIONS.length);
    await client.kill();
  });
});
