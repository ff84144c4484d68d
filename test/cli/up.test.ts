import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Supervisor, UpOptions } from '../../src/cli/ports';
import type { ReadyInfo, RunningService, UpEvent } from '../../src/domain/up';
import { UpReporter } from '../../src/cli/up-report';
import { MandateError } from '../../src/domain/errors';
import { mandate, type World } from './command-line';
import { FakeService } from './fake-service';
import { TD } from './samples';
import { schemaOf } from './schema';

const READY: ReadyInfo = {
  trustDomain: TD,
  workloadApi: 'unix:///run/user/1000/mandate/agent/agent.sock',
  bundleUrl: 'https://127.0.0.1:8443/bundle',
  separated: false,
  ms: 2400,
};
const EVENTS: readonly UpEvent[] = [
  { step: 'installation', state: 'done', detail: TD, ms: 3 },
  { step: 'database', state: 'running', detail: 'starting', ms: 0 },
  { step: 'database', state: 'done', detail: 'private PostgreSQL 18, fsync on', ms: 1600 },
  { step: 'authority', state: 'done', detail: 'X.509 and JWT, ECDSA P-256, key in a 0600 file', ms: 90 },
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mandate-up-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A supervisor that says what it is told to and ends when it is asked to. */
function supervisor(told: Partial<Supervisor> & { started?: UpOptions[] } = {}): Supervisor {
  return {
    start: (options, onEvent) => {
      told.started?.push(options);
      EVENTS.forEach(onEvent);
      return Promise.resolve<RunningService>({ ready: READY, ended: Promise.resolve(), stop: () => undefined });
    },
    holder: () => undefined,
    openLog: () => openSync(path.join(folder, 'up.log'), 'a', 0o600),
    ...told,
  };
}

const up = (argv: readonly string[], told: Partial<Supervisor> = {}, world: World = {}) =>
  mandate(['up', ...argv], { ...world, deps: { supervisor: () => supervisor(told), ...world.deps } });

describe('up in the foreground', () => {
  test('steps on stderr, the answer on stdout, its first line starting with Ready', async () => {
    const { exit, out, err } = await up([]);
    expect(exit).toBe(0);
    expect(out).toBe(
      'Ready in 2.4s.\n' +
        '  SPIFFE_ENDPOINT_SOCKET=unix:///run/user/1000/mandate/agent/agent.sock\n' +
        '  The issuer runs under the same user as your agents: good for trying out, at most `observed` (mandate help separation).\n' +
        'Next:  mandate run -- claude      then      mandate agents ls\n',
    );
    expect(err).toBe(
      `mandate 0.1.0 · trust domain ${TD}\n\n` +
        '  ✓ database   private PostgreSQL 18, fsync on                       1.6s\n' +
        '  ✓ authority  X.509 and JWT, ECDSA P-256, key in a 0600 file        90ms\n' +
        'mandate has ended\n',
    );
  });

  test('as JSON', async () => {
    const answer: unknown = JSON.parse((await up(['-o', 'json'])).out);
    expect(schemaOf('up')(answer)).toBe(true);
  });

  test('a terminal sees a step while it runs, and no half line afterwards', async () => {
    const { err } = await up([], {}, { terminal: true, env: { NO_COLOR: '1' } });
    expect(err).toContain('\r\u001b[K  ⠋ database   starting');
    expect(err.endsWith('mandate has ended\n')).toBe(true);
  });

  test('addresses of the database: flag, then environment', async () => {
    const started: UpOptions[] = [];
    const told = { started } as Partial<Supervisor>;
    await up(['--db', 'postgres://flag', '--db-owner', 'postgres://owner'], told, { env: { DATABASE_URL: 'postgres://env' } });
    await up([], told, { env: { DATABASE_URL: 'postgres://env' } });
    expect(started).toMatchObject([{ databaseUrl: 'postgres://flag', ownerUrl: 'postgres://owner' }, { databaseUrl: 'postgres://env' }]);
  });

  test('what ends it later is its failure', async () => {
    const ended = () => Promise.reject(new MandateError('E_CHILD_FAILED', { saw: 'server' }));
    const { exit, out, err } = await up([], { start: () => Promise.resolve({ ready: READY, ended: ended(), stop: () => undefined }) });
    expect(exit).toBe(1);
    expect(out).toContain('Ready');
    expect(err).toContain('(E_CHILD_FAILED)');
  });

  test('a signal after Ready stops it in order', async () => {
    let interrupt: ((signal: 'SIGINT') => void) | undefined;
    const start = () => {
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => (end = resolve));
      return Promise.resolve<RunningService>({ ready: READY, ended, stop: () => end() });
    };
    const running = up([], { start }, { deps: { onInterrupt: (handler) => ((interrupt = handler), () => undefined) } });
    await new Promise((resolve) => setImmediate(resolve));
    interrupt?.('SIGINT');
    expect((await running).exit).toBe(0);
  });

  test('a signal before Ready abandons the start', async () => {
    let interrupt: ((signal: 'SIGTERM') => void) | undefined;
    const start: Supervisor['start'] = (_options, _onEvent, abort) =>
      new Promise((_resolve, reject) => abort.addEventListener('abort', () => reject(new MandateError('E_CHILD_FAILED'))));
    const running = up([], { start }, { deps: { onInterrupt: (handler) => ((interrupt = handler), () => undefined) } });
    await new Promise((resolve) => setImmediate(resolve));
    interrupt?.('SIGTERM');
    const { exit, err } = await running;
    expect([exit, err]).toEqual([143, '']);
  });
});

describe('up -d', () => {
  /** A stand-in for the compiled entry point: a real process with the descriptors and environment that -d gives it. */
  const program = (script: string) => {
    const main = path.join(folder, 'main.js');
    writeFileSync(main, `const fs = require('fs'); const say = (o) => fs.writeSync(3, JSON.stringify(o) + '\\n');\n${script}`);
    return { node: process.execPath, main };
  };
  const detached = (script: string, argv: readonly string[] = [], env: Record<string, string> = {}) =>
    up(['-d', ...argv], {}, { env, deps: { program: program(script) } });

  test('returns when it is ready, and leaves it running in a session of its own', async () => {
    const { exit, out, err } = await detached(
      `
      say({ event: ${JSON.stringify(EVENTS[2])} });
      fs.writeFileSync('${folder}/seen', JSON.stringify({ argv: process.argv.slice(2), pid: process.pid, db: process.env.DATABASE_URL, cwd: process.cwd(), stat: fs.readFileSync('/proc/self/stat', 'latin1') }));
      console.log('to the log');
      say({ ready: ${JSON.stringify(READY)} });
      process.stdin.resume(); setInterval(() => {}, 1000);
    `,
      ['--db', 'postgres://u:secret@h/d'],
    );
    expect([exit, out.split('\n')[0]]).toEqual([0, 'Ready in 2.4s.']);
    expect(err).toContain('✓ database');
    const seen = JSON.parse(readFileSync(path.join(folder, 'seen'), 'utf8')) as {
      argv: string[];
      pid: number;
      db: string;
      cwd: string;
      stat: string;
    };
    process.kill(seen.pid, 'SIGKILL');
    expect(seen.argv).toEqual(['up', '--state', '/nonexistent', '--report-fd', '3']);
    expect(seen.db).toBe('postgres://u:secret@h/d');
    expect(seen.cwd).toBe('/');
    expect(seen.stat.split(') ')[1]?.split(' ').slice(2, 4)).toEqual([String(seen.pid), String(seen.pid)]);
    expect(readFileSync(path.join(folder, 'up.log'), 'utf8')).toBe('to the log\n');
  });

  test('a failure is told as the foreground would, with its exit code', async () => {
    const { exit, out, err } = await detached(
      `say({ error: { code: 'E_DB_URL', message: 'x', help: 'y', saw: 'nonsense' } }); process.exitCode = 2;`,
    );
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain('error: the database address is not usable (E_DB_URL)\n  saw   nonsense\n');
  });

  test.each([
    ['process.exit(7)', 'exit code 7'],
    ["process.kill(process.pid, 'SIGKILL')", 'SIGKILL'],
  ])('an end without a word (%s) says how it ended and where the log is', async (script, how) => {
    const { exit, err } = await detached(script);
    expect(exit).toBe(1);
    expect(err).toContain(`mandate up ended before it was ready: ${how}\n  fix   look at /nonexistent/log/up.log`);
  });

  test('a report that is no JSON is a failure', async () => {
    expect((await detached(`fs.writeSync(3, 'garbage\\n')`)).exit).toBe(1);
  });

  test('the reporting side goes on when nobody listens any more', () => {
    const reporter = new UpReporter(openSync('/dev/full', 'w'));
    reporter.tell({ ready: READY });
    reporter.tell({ ready: READY });
    reporter.close();
  });
});

describe('down', () => {
  let service: FakeService;
  beforeEach(async () => {
    service = await FakeService.start();
  });
  afterEach(() => service.stop());

  test('asks, then waits until lock and sockets are gone', async () => {
    let looked = 0;
    service.answers.admin = { shutdown: { stopping: true } };
    const holder = () => {
      if (++looked === 3) service.stop();
      return looked < 3 ? { pid: 1 } : undefined;
    };
    const { exit, out } = await mandate(['down'], { socket: service.socket, deps: { supervisor: () => supervisor({ holder }) } });
    expect([exit, out]).toEqual([0, 'mandate has ended; agents run on until their SVIDs expire\n']);
    expect(looked).toBeGreaterThanOrEqual(3);
  });

  test('nothing running is said, and no failure', async () => {
    const said = await mandate(['down', '-o', 'json'], { deps: { supervisor: () => supervisor() } });
    expect(said.exit).toBe(0);
    expect(JSON.parse(said.out)).toEqual({ stopped: false, wasRunning: false });
  });

  test('a supervisor whose server does not answer is named, never killed', async () => {
    const { exit, err } = await mandate(['down'], { deps: { supervisor: () => supervisor({ holder: () => ({ pid: 4242 }) }) } });
    expect(exit).toBe(5);
    expect(err).toContain('runs as pid 4242');
    expect(err).toContain('kill 4242');
  });

  test('an agent is told no', async () => {
    service.answers.admin = { shutdown: { fails: { code: 'E_AGENT_NOT_ADMIN' } } };
    const { exit, err } = await mandate(['down'], { socket: service.socket, deps: { supervisor: () => supervisor() } });
    expect(exit).toBe(4);
    expect(err).toContain('not allowed: agents and their descendants do not administer mandate (E_AGENT_NOT_ADMIN)');
  });

  test('what does not end is a timeout', async () => {
    service.answers.admin = { shutdown: { stopping: true } };
    let ms = 0;
    // Time passes with every look, and waiting takes none.
    const clock = {
      nowMs: () => Date.now(),
      monotonicMs: () => (ms += 500),
      after: (_delay: number, run: () => void) => (setImmediate(run), () => undefined),
    };
    const { exit } = await mandate(['down'], {
      socket: service.socket,
      deps: { clock, supervisor: () => supervisor({ holder: () => ({ pid: 1 }) }) },
    });
    expect(exit).toBe(8);
  });
});
