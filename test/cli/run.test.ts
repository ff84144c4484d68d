import type { Launcher } from '../../src/cli/ports';
import { DOMAIN, noDomain } from '../../src/domain/confinement';
import { MandateError } from '../../src/domain/errors';
import type { Words } from '../../src/domain/own-uid-protocol';
import { mandate, type World } from './command-line';
import { FakeService } from './fake-service';
import { AGENT_ID } from './samples';

let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
});
beforeEach(() => {
  service.answers = { begin: { launchId: 'l', agentId: 'a', agentName: 'hello-7k2m', spiffeIds: [AGENT_ID] } };
  service.asked.length = 0;
});
afterAll(() => service.stop());

type Executed = Parameters<Launcher['execInPlace']>[0];

/** Stops where the process would become another program, and keeps what it would have become. */
class Became extends Error {
  constructor(readonly program: Executed) {
    super('became another program');
  }
}

async function launched(argv: readonly string[], world: World = {}, launcher: Partial<Launcher> = {}) {
  const order: string[] = [];
  let became: Executed | undefined;
  const said = await mandate(argv, {
    ...world,
    deps: {
      launcher: () => ({
        inheritedDescriptors: () => {
          order.push('descriptors');
          return [7];
        },
        resolveProgram: (name) => {
          order.push('resolve');
          return `/usr/bin/${name}`;
        },
        asStarted: () => ({
          argv: ['node', 'main.js', ...argv].map((text) => Buffer.from(text)),
          env: Object.entries(world.env ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [Buffer.from(`${name}=${value}`)])),
        }),
        possibleConfinement: () => DOMAIN,
        keepFiles: (folder) => Promise.resolve(void order.push(`files at ${folder}`)),
        ownerOf: () => 0,
        attend: () => {
          throw new Error('not attended');
        },
        endBy: (signal) => void order.push(`ended by ${signal}`),
        closeToOthers: () => void order.push('close'),
        adoptOrphans: () => void order.push('adopt'),
        enterDomain: () => void order.push('domain'),
        execInPlace: (program) => {
          order.push('exec');
          became = program;
          throw new Became(program);
        },
        ...launcher,
      }),
    },
    env: { SPIFFE_ENDPOINT_SOCKET: `unix://${service.socket}`, ...world.env },
  });
  return { ...said, became, order };
}

describe('run', () => {
  test('notes descriptors, resolves, opens the launch, then becomes the command', async () => {
    const { became, order, err } = await launched([
      'run',
      '--name',
      'hello',
      '--task',
      'weekly report',
      '--',
      'agent',
      '--flag',
      '--',
      '-o',
      'json',
    ]);
    expect(order).toEqual(['descriptors', 'resolve', 'close', 'domain', 'exec']);
    expect(service.asked).toMatchObject([
      {
        verb: 'begin',
        request: { name: 'hello', task: 'weekly report', program: '/usr/bin/agent', argumentCount: 5, confinement: 'domain' },
      },
    ]);
    expect(became).toMatchObject({ path: '/usr/bin/agent', descriptors: [7] });
    expect(became?.argv.map(String)).toEqual(['agent', '--flag', '--', '-o', 'json']);
    expect(err).not.toContain('▸');
  });

  test.each([
    ['a domain where the kernel has them', ['run'], DOMAIN, 'domain', ['close', 'domain', 'exec'], ''],
    ['none where it has not', ['run'], noDomain('kernel'), 'kernel', ['close', 'exec'], 'not confined: this kernel'],
    ['none where it is disabled', ['run'], noDomain('disabled'), 'disabled', ['close', 'exec'], 'not confined: Landlock'],
    ['none with --no-confine', ['run', '--no-confine'], DOMAIN, 'asked', ['close', 'exec'], 'not confined: asked'],
  ] as const)('%s', async (_name, argv, possible, said, steps, note) => {
    const { order, err } = await launched([...argv, '-v', '--', 'agent'], {}, { possibleConfinement: () => possible });
    expect(service.asked).toMatchObject([{ verb: 'begin', request: { confinement: said } }]);
    expect(order.slice(2)).toEqual(steps);
    expect(err.includes('not confined')).toBe(note !== '');
    expect(err).toContain(note);
  });

  test('inside a launch the domain of the launch is enough; orphans are adopted where the node asks for it', async () => {
    const answer = { launchId: 'l', agentId: 'a', agentName: 'hello-7k2m', spiffeIds: [AGENT_ID] };
    service.answers.begin = { ...answer, joined: true };
    expect((await launched(['run', '--', 'agent'])).order.slice(2)).toEqual(['close', 'exec']);
    service.answers.begin = { ...answer, adoptOrphans: true };
    expect((await launched(['run', '--', 'agent'])).order.slice(2)).toEqual(['close', 'adopt', 'domain', 'exec']);
  });

  test('files are there before anything is closed or executed; where they cannot be, nothing is', async () => {
    const argv = ['run', '--files', '/run/x', '--', 'agent'];
    expect((await launched(argv)).order.slice(2)).toEqual(['files at /run/x', 'close', 'domain', 'exec']);
    const refused = () => Promise.reject(new MandateError('E_FILES', { why: 'no tmpfs' }));
    expect(await launched(argv, {}, { keepFiles: refused })).toMatchObject({ exit: 125, became: undefined });
  });

  describe('--as-user', () => {
    const attended = async (
      flags: readonly string[],
      world: World = {},
      ended: { code: number | null; signal: NodeJS.Signals | null } = { code: 7, signal: null },
    ) => {
      const seen: { project?: string; words?: Words } = {};
      const said = await launched(['run', '--as-user', ...flags, '--', 'agent', '--flag'], world, {
        attend: (project, words) => {
          Object.assign(seen, { project, words });
          return { descriptors: { project: 11, control: 12, words: 13 }, follow: () => Promise.resolve(ended) };
        },
      });
      return { ...said, ...seen };
    };
    const texts = (base64: readonly string[] | undefined) => base64?.map((text) => Buffer.from(text, 'base64').toString());

    test('is closed to others before it opens anything; the node takes descriptors, and the end is that of the command', async () => {
      const { order, exit, became, project, words } = await attended(['--project', 'site']);
      expect([order, exit, became]).toEqual([['descriptors', 'resolve', 'close'], 7, undefined]);
      expect(service.asked).toMatchObject([
        { verb: 'begin', request: { program: '/usr/bin/agent', argumentCount: 2, ownUid: { project: 11, control: 12, words: 13 } } },
      ]);
      expect(project).toMatch(/\/site$/);
      expect(texts(words?.argv)).toEqual(['agent', '--flag']);
      expect((await attended([], {}, { code: null, signal: 'SIGTERM' })).order).toContain('ended by SIGTERM');
    });

    test('passes on what is listed and named', async () => {
      const env = { PATH: '/bin', LC_ALL: 'C', SSH_AUTH_SOCK: '/s', API_TOKEN: 't', WANTED: 'w' };
      const { words } = await attended(['--env', 'WANTED'], { env });
      const socket = `SPIFFE_ENDPOINT_SOCKET=unix://${service.socket}`;
      expect(texts(words?.env)?.sort()).toEqual(['LC_ALL=C', 'PATH=/bin', socket, 'WANTED=w']);
    });

    test.each([
      ['a variable that is not there', ['--as-user', '--env', 'NONE']],
      ['files', ['--as-user', '--files', '/run/x']],
      ['a project without it', ['--project', 'x']],
      ['a variable without it', ['--env', 'HOME']],
    ])('is not understood with %s', async (_, flags) => {
      const { err, became } = await launched(['run', ...flags, '--', 'agent']);
      expect([became, service.asked]).toEqual([undefined, []]);
      expect(err).toContain('(E_USAGE)');
    });

    test('asks only a node that is root', async () => {
      const { exit, err } = await launched(['run', '--as-user', '--', 'agent'], {}, { ownerOf: () => 1000 });
      expect([exit, service.asked]).toEqual([125, []]);
      expect(err).toContain('the node does not run as root');
    });
  });

  test('a domain that the kernel refuses after all ends it before the command', async () => {
    const enterDomain = () => {
      throw new MandateError('E_CONFINE', { saw: 'E2BIG' });
    };
    const said = await launched(['run', '--', 'agent'], {}, { enterDomain });
    expect([said.exit, said.became]).toEqual([125, undefined]);
    expect(said.err).toContain('(E_CONFINE)');
  });

  test('arguments of the command are never sent', async () => {
    await launched(['run', '--', 'agent', '--password=hunter2']);
    expect(JSON.stringify(service.asked, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      'hunter2',
    );
  });

  test('gives the command the user’s own environment back, and the socket', async () => {
    const env = {
      HOME: '/home/ana',
      MANDATE_KEPT_NODE_OPTIONS: '--max-old-space-size=64',
      MANDATE_KEPT_LD_LIBRARY_PATH: '/opt/lib',
      NOTHING: undefined,
    };
    const { became } = await launched(['run', '--', 'agent'], { env });
    const given = Object.fromEntries((became?.env ?? []).map((entry) => String(entry).split(/=(.*)/s).slice(0, 2))) as Record<
      string,
      string
    >;
    expect(given).toMatchObject({
      HOME: '/home/ana',
      NODE_OPTIONS: '--max-old-space-size=64',
      LD_LIBRARY_PATH: '/opt/lib',
      SPIFFE_ENDPOINT_SOCKET: `unix://${service.socket}`,
    });
    expect(Object.keys(given).filter((name) => name.startsWith('MANDATE_KEPT_') || name === 'NOTHING')).toEqual([]);
  });

  test('names the agent on a terminal or with -v only', async () => {
    const line = `▸ agent hello-7k2m  pid ${process.pid}  ${AGENT_ID}\n`;
    expect((await launched(['run', '-v', '--', 'agent'])).err).toContain(line);
    expect((await launched(['run', '--', 'agent'], { terminal: true, env: { NO_COLOR: '1' } })).err).toContain(line);
    expect((await launched(['run', '-q', '--', 'agent'], { terminal: true })).err).not.toContain('▸');
  });

  test.each([
    ['E_RUN_NOT_FOUND', 127],
    ['E_RUN_NOT_EXECUTABLE', 126],
    ['E_RUN', 125],
  ] as const)('%s exits %d, and no launch is opened for what cannot be started', async (code, exit) => {
    const resolveProgram = () => {
      throw new MandateError(code, { saw: 'x' });
    };
    const said = await launched(['run', '--', 'x'], {}, { resolveProgram });
    expect([said.exit, said.out]).toEqual([exit, '']);
    expect(said.err).toContain(`(${code})`);
    expect(service.asked).toEqual([]);
  });

  test.each([
    ['a refusal', { fails: { code: 'E_PEER_OTHER_USER' as const } }],
    ['a server that is down', { fails: { code: 'E_SERVER_DOWN' as const } }],
    ['an internal failure', { fails: { code: 'E_INTERNAL' as const } }],
  ])('%s exits 125 and starts nothing', async (_name, begin) => {
    service.answers.begin = begin;
    const { exit, became } = await launched(['run', '--', 'agent']);
    expect([exit, became]).toEqual([125, undefined]);
  });

  test('nothing running exits 125', async () => {
    expect((await launched(['run', '--', 'agent'], { env: { SPIFFE_ENDPOINT_SOCKET: 'unix:///nonexistent/a.sock' } })).exit).toBe(125);
  });

  test.each(['-x', 'a b', 'a/b', '\u001b[2J', 'a'.repeat(64)])('a name that is no name (%j) is refused', async (name) => {
    const { exit, became, err } = await launched(['run', `--name=${name}`, '--', 'agent']);
    expect([exit, became]).toEqual([125, undefined]);
    expect(err).toContain('(E_USAGE)');
    expect(err).not.toContain('\u001b');
  });
});
