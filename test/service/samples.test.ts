import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { type Finished, Installation, MANDATE, ROOT } from '../running/installation';

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

/** Two ports in a row that nobody listens on. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = createServer();
    await new Promise<void>((resolve) => first.listen(0, 'localhost', resolve));
    const { port } = first.address() as { port: number };
    const second = createServer();
    const free = await new Promise<boolean>((resolve) =>
      second.once('error', () => resolve(false)).listen(port + 1, 'localhost', () => resolve(true)),
    );
    await Promise.all([first, second].map((server) => new Promise((resolve) => server.close(resolve))));
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
