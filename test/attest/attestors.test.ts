import type { LaunchMeasures } from '../../src/domain/launch-measures';
import { readFileSync } from 'node:fs';
import { binaryAttestor } from '../../attestors/binary';
import { cgroupAttestor } from '../../attestors/cgroup';
import { hostAttestor } from '../../attestors/host';
import { connectionAttestor } from '../../attestors/connection';
import { agentAttestor } from '../../attestors/agent';
import { integrityAttestor } from '../../attestors/integrity';
import { type Confinement, DOMAIN, noDomain } from '../../src/domain/confinement';
import { launchAttestor } from '../../attestors/launch';
import { privilegeAttestor } from '../../attestors/privilege';
import { processAttestor } from '../../attestors/process';
import { scriptAttestor } from '../../attestors/script';
import { userAttestor } from '../../attestors/user';
import type { RootWay } from '../../src/domain/privilege';
import { MandateError } from '../../src/domain/errors';
import type { AttestContext, Attestor } from '../../src/domain/attestation';
import { RunningScripts } from '../../src/domain/running-script';
import { lines, NAMESPACES, recorded, recordedReads } from './recorded';
import type { Recorded } from './recorded';

/** Root alone moves processes, but below what a manager of a user was given. */
const ROOTS = { onlyRootMoves: (folder: string) => !folder.includes('/user@') };

const alone: AttestContext = { launch: undefined };
const facts = async (attestor: Attestor, process: Recorded, context = alone): Promise<string[]> =>
  lines(await attestor.attest(recorded(process), context));

const SHARED = { holding: 'shared', pids: [7] } as const;

describe('user', () => {
  const names = { userName: (uid: number) => ({ 1000: 'ana' })[uid], groupName: (gid: number) => ({ 1000: 'ana', 27: 'sudo' })[gid] };
  const attestor = userAttestor(names);

  test.each([
    ['named', {}, ['uid=1000 (observed)', 'gid=1000 (observed)', 'name=ana (observed)', 'group=ana (observed)']],
    [
      'without an account',
      { uid: 4711 },
      ['uid=4711 (observed)', 'gid=1000 (observed)', 'name=uid-4711 (observed)', 'group=ana (observed)'],
    ],
  ])('%s', async (_, process, expected) => expect((await facts(attestor, process)).slice(0, 4)).toEqual(expected));

  test('supplementary groups, named where they have a name', async () =>
    expect((await facts(attestor, { groups: '27 2000' })).slice(4, -2)).toEqual([
      'supplementary_gid=27 (observed)',
      'supplementary_group=sudo (observed)',
      'supplementary_gid=2000 (observed)',
    ]));

  test('a name that looks like a line of groups adds none', async () =>
    expect(await facts(attestor, { name: 'x\nGroups:\t0' })).toHaveLength(6));

  test.each([
    ['of another leader', {}, ['session_leader=false (observed)', 'terminal=false (observed)']],
    ['that it leads, at a terminal', { session: 41207, tty: 34816 }, ['session_leader=true (observed)', 'terminal=true (observed)']],
  ])('in a session %s', async (_, process, expected) => expect((await facts(attestor, process)).slice(4)).toEqual(expected));

  test.each<[string, Recorded, string[]]>([
    ['set by nobody', { login: ['4294967295', '4294967295'] }, []],
    ['of a kernel without audit', {}, []],
    ['its own', { login: ['1000', '3'] }, ['login_uid=1000 (observed)', 'login_session=3 (observed)']],
    ["another's, as after su", { login: ['1001', '3'] }, ['login_uid=1001 (declared)', 'login_session=3 (declared)']],
    ['root of a user', { login: ['0', '3'] }, []],
    ['root of root', { uid: 0, login: ['0', '3'] }, ['login_uid=0 (observed)', 'login_session=3 (observed)']],
    ['without a session', { login: ['1000', '4294967295'] }, ['login_uid=1000 (observed)']],
    ['no number', { login: ['1000 0', '3'] }, []],
  ])('a login id: %s', async (_, process, expected) => expect((await facts(attestor, process)).slice(6)).toEqual(expected));

  test('at most 256 supplementary groups are stated', async () => {
    const groups = Array.from({ length: 1000 }, (_, i) => i + 5000).join(' ');
    expect((await facts(attestor, { groups })).filter((line) => line.startsWith('supplementary_gid'))).toHaveLength(256);
  });
});

describe('binary', () => {
  const attestor = binaryAttestor({ sha256: async () => 'ab' });
  const of = async (process: Recorded): Promise<string[]> => facts(attestor, process);

  test('path, hash, owner', async () =>
    expect(await of({})).toEqual([
      'path=/usr/bin/agent (observed)',
      'sha256=ab (measured)',
      'owner_uid=0 (observed)',
      'writable=false (observed)',
      'deleted=false (observed)',
    ]));

  test.each([
    ['deleted', { exe: '/opt/agent (deleted)' }, ['path=/opt/agent (observed)', 'deleted=true (observed)']],
    ['from memory', { exe: '/memfd:x (deleted)' }, ['path=/memfd:x (observed)', 'deleted=true (observed)']],
    ['of no valid UTF-8', { exe: '/opt/\xff\n' }, ['path=/opt/\\xff\\x0a (observed)', 'deleted=false (observed)']],
    ['with mounts of its own', { sameMounts: false }, ['path=/usr/bin/agent (declared)', 'deleted=false (observed)']],
  ])('a program %s', async (_, process, expected) =>
    expect((await of(process)).filter((line) => /^(path|deleted)=/.test(line))).toEqual(expected),
  );

  test.each([
    ['of root, by a user', { ownerUid: 0, mode: 0o755 }, 1000, false],
    ['its own', { ownerUid: 1000, mode: 0o555 }, 1000, true],
    ['writable by a group', { ownerUid: 0, mode: 0o775 }, 1000, true],
    ['writable by all', { ownerUid: 0, mode: 0o757 }, 1000, true],
    ['by root', { ownerUid: 1000, mode: 0o555 }, 0, true],
  ])('writable: %s', async (_, file, uid, writable) => expect(await of({ file, uid })).toContain(`writable=${writable} (observed)`));

  test('the program is closed, also when it cannot be hashed', async () => {
    const failing = binaryAttestor({
      sha256: async () => {
        throw new MandateError('E_ATTEST_TOO_LARGE');
      },
    });
    for (const [attestor, outcome] of [
      [binaryAttestor({ sha256: async () => 'ab' }), 'resolves'],
      [failing, 'rejects'],
    ] as const) {
      const view = recorded();
      const result = await Promise.resolve(attestor.attest(view, alone)).then(
        () => 'resolves',
        () => 'rejects',
      );
      expect([result, view.opened]).toEqual([outcome, 0]);
    }
  });
});

describe('process', () => {
  const attestor = processAttestor();

  test.each([
    ['alone', {}, []],
    ['on a terminal', { tty: 34816 }, ['tty=34816 (observed)']],
    [
      'with ancestors',
      { ancestors: [{ exe: '/usr/bin/zsh' }, { exe: '/usr/bin/tmux' }] },
      ['parent=/usr/bin/zsh (observed)', 'ancestor=/usr/bin/zsh (observed)', 'ancestor=/usr/bin/tmux (observed)'],
    ],
    ['whose parent may not be read', { ancestors: [{ exe: '' }, { exe: '/usr/bin/tmux' }] }, ['ancestor=/usr/bin/tmux (observed)']],
    [
      'whose parent has mounts of its own',
      { ancestors: [{ exe: '/usr/bin/zsh', sameMounts: false }] },
      ['parent=/usr/bin/zsh (declared)', 'ancestor=/usr/bin/zsh (declared)'],
    ],
    ['whose name looks like fields', { name: 'x) S 1 1 1 99 (y' }, []],
  ])('%s', async (_, process: Recorded, expected) =>
    expect(await facts(attestor, process)).toEqual([...expected, 'start_ticks=777123 (observed)']),
  );
});

describe('cgroup', () => {
  const attestor = cgroupAttestor(ROOTS);
  const ID = '0123456789abcdef'.repeat(4);
  const POD = '3f0c9a52-7f0e-4a55-9d7e-1f6b6f0a2c11';
  const user = '/user.slice/user-1000.slice/user@1000.service';
  const stated = async (cgroup: string): Promise<string[]> => (await facts(attestor, { cgroup: `0::${cgroup}\n` })).slice(1);
  const placed = (assurance: string, values: Record<string, string>): string[] =>
    Object.entries(values).map(([name, value]) => `${name}=${value} (${assurance})`);

  test.each<[string, string, Record<string, string>]>([
    ['the root', '/', {}],
    ['a service', '/system.slice/agent.service', { unit: 'agent.service', slice: 'system.slice' }],
    ['a service outside any slice', '/init.scope', { unit: 'init.scope' }],
    [
      'a service of a template',
      '/system.slice/system-getty.slice/getty@tty1.service',
      { unit: 'getty@tty1.service', slice: 'system-getty.slice' },
    ],
    ['a login', '/user.slice/user-1000.slice/session-3.scope', { unit: 'session-3.scope', slice: 'user-1000.slice' }],
    ['a group inside a unit', '/system.slice/agent.service/workers', { unit: 'agent.service', slice: 'system.slice' }],
    ['a slice alone', '/user.slice', {}],
    ['a folder that is no unit', '/agents/launch-1', {}],
    ['a unit of a system in a folder', '/machines/x/system.slice/sshd.service', {}],
    ['outside of the node’s namespace', '/../system.slice/agent.service', {}],
    ['docker, cgroupfs', `/docker/${ID}`, { container: ID, runtime: 'docker' }],
    ['a system in docker', `/docker/${ID}/system.slice/sshd.service`, { container: ID, runtime: 'docker' }],
    [
      'docker, systemd',
      `/system.slice/docker-${ID}.scope`,
      { unit: `docker-${ID}.scope`, slice: 'system.slice', container: ID, runtime: 'docker' },
    ],
    [
      'podman',
      `/machine.slice/libpod-${ID}.scope/container`,
      { unit: `libpod-${ID}.scope`, slice: 'machine.slice', container: ID, runtime: 'podman' },
    ],
    ['podman, cgroupfs', `/libpod_parent/libpod-${ID}`, { container: ID, runtime: 'podman' }],
    [
      'what watches a podman container',
      `/machine.slice/libpod-conmon-${ID}.scope`,
      { unit: `libpod-conmon-${ID}.scope`, slice: 'machine.slice' },
    ],
    [
      'Kubernetes on containerd, systemd',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
      {
        unit: `cri-containerd-${ID}.scope`,
        slice: `kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice`,
        container: ID,
        runtime: 'containerd',
        pod: POD,
      },
    ],
    ['Kubernetes, cgroupfs', `/kubepods/besteffort/pod${POD}/${ID}`, { container: ID, runtime: 'unknown', pod: POD }],
    [
      'Kubernetes on CRI-O',
      `/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-${ID}.scope`,
      { unit: `crio-${ID}.scope`, slice: `kubepods-pod${POD.replaceAll('-', '_')}.slice`, container: ID, runtime: 'cri-o', pod: POD },
    ],
    ['a pod that kubelet did not make', `/x/pod${POD}/${ID}`, { container: ID, runtime: 'unknown' }],
    ['an id that is too short', `/docker/${ID.slice(1)}`, {}],
    ['a container in a container', `/docker/${ID}/docker/${ID.replaceAll('0', 'f')}`, { container: ID, runtime: 'docker' }],
  ])('%s', async (_, path, expected) => expect(await stated(path)).toEqual(placed('observed', expected)));

  test('what a user named, and moves its processes into, is declared; the unit above it is not', async () => {
    expect(await stated(`${user}/app.slice/sshd.service`)).toEqual([
      ...placed('observed', { unit: 'user@1000.service', slice: 'user-1000.slice' }),
      'user_unit=sshd.service (declared)',
    ]);
    expect(await stated(`${user}/user.slice/libpod-${ID}.scope`)).toEqual([
      ...placed('observed', { unit: 'user@1000.service', slice: 'user-1000.slice' }),
      ...placed('declared', { user_unit: `libpod-${ID}.scope`, container: ID, runtime: 'podman' }),
    ]);
  });

  test('where others than root may move processes, a unit is declared', async () => {
    const nobodys = cgroupAttestor({ onlyRootMoves: () => false });
    expect(await facts(nobodys, { cgroup: '0::/system.slice/a.service\n' })).toEqual([
      'path=/system.slice/a.service (observed)',
      'unit=a.service (declared)',
      'slice=system.slice (declared)',
    ]);
  });

  test.each([
    ['both hierarchies', '12:pids:/x/y.service\n1:name=systemd:/z.scope\n0::/real\n', ['path=/real (observed)']],
    ['no version 2', '12:pids:/x/y.service\n', []],
    ['nothing', '', []],
    [
      'an escaped unit',
      '0::/system.slice/a\\x2db.service\n',
      ['path=/system.slice/a\\\\x2db.service (observed)', 'unit=a\\\\x2db.service (observed)', 'slice=system.slice (observed)'],
    ],
  ])('of %s', async (_, cgroup, expected) => expect(await facts(attestor, { cgroup })).toEqual(expected));

  test('its id where the kernel says', async () => expect(await facts(attestor, { cgroupId: '4711' })).toContain('id=4711 (observed)'));
});

test('host: what the device says of itself, and nothing for what it does not', async () => {
  const host = { hostname: 'laptop', machineId: '', bootId: 'b', os: 'Debian', kernel: '6.1', pinnedBy: 'pid' } as const;
  expect(await facts(hostAttestor(host), {})).toEqual([
    'name=laptop (observed)',
    'boot_id=b (observed)',
    'os=Debian (observed)',
    'kernel=6.1 (observed)',
    'pinned_by=pid (observed)',
  ]);
});

describe('launch', () => {
  const launch = { launchId: 'L', name: 'hello', programPath: '/bin/x', programSha256: 'cd', user: 'ana', uid: 1000, ownUid: 0 };

  test('outside any launch', async () => expect(await facts(launchAttestor(), {})).toEqual([]));

  test.each(['pinned', 'ancestor', 'cgroup'] as const)(
    "known by %s: the program is its launcher's word until it was seen running",
    async (via) =>
      expect(await facts(launchAttestor(), {}, { launch: { ...launch, via, programSeen: false } })).toEqual([
        'id=L (observed)',
        'path=/bin/x (declared)',
        'sha256=cd (declared)',
        'user=ana (observed)',
        'uid=1000 (observed)',
        `via=${via} (observed)`,
        'name=hello (declared)',
      ]),
  );

  test.each([
    ['under the uid that the node gave to it alone', 1_900_000_007, 'own_uid=true (observed)'],
    ['under any other', 1000, 'own_uid=false (observed)'],
  ])('with a uid of its own: %s', async (_, uid, stated) =>
    expect(
      await facts(launchAttestor(), { uid }, { launch: { ...launch, ownUid: 1_900_000_007, via: 'cgroup', programSeen: true } }),
    ).toContain(stated),
  );

  test('once it was seen, path and hash are measured for every member', async () =>
    expect(await facts(launchAttestor(), {}, { launch: { ...launch, via: 'ancestor', programSeen: true } })).toEqual([
      'id=L (observed)',
      'path=/bin/x (measured)',
      'sha256=cd (measured)',
      'user=ana (observed)',
      'uid=1000 (observed)',
      'via=ancestor (observed)',
      'name=hello (declared)',
    ]));
});

describe('privilege', () => {
  const asked: (readonly [number, readonly number[]])[] = [];
  const attestor = (...ways: RootWay[]) =>
    privilegeAttestor({
      of: (uid, gids) => {
        asked.push([uid, gids]);
        return ways;
      },
    });

  test('none is stated as well', async () => {
    expect(await facts(attestor(), {})).toEqual(['capabilities=none (observed)', 'root_way=none (observed)']);
  });

  test('each capability and each way, of the groups that the process has', async () => {
    expect(await facts(attestor('docker', 'sudo-nopasswd'), { groups: '27 998', capEff: '0000000000280000' })).toEqual([
      'capabilities=CAP_SYS_PTRACE (observed)',
      'capabilities=CAP_SYS_ADMIN (observed)',
      'root_way=docker (observed)',
      'root_way=sudo-nopasswd (observed)',
    ]);
    expect(asked.at(-1)).toEqual([1000, [1000, 27, 998]]);
  });

  test('a set of capabilities that cannot be read is a gap, not an empty one', async () => {
    await expect(facts(attestor(), { capEff: '' })).rejects.toMatchObject({ code: 'E_ATTEST_UNREADABLE' });
  });
});

describe('the domain around a launch is the word of its launcher', () => {
  const launch = {
    launchId: 'L',
    name: '',
    programPath: '/x',
    programSha256: 'cd',
    user: 'u',
    ownUid: 0,
    via: 'pinned',
    programSeen: true,
  } as const;
  const stated = async (confinement: Confinement, uid: number, noNewPrivs: string) =>
    (
      await facts(
        launchAttestor(),
        { status: `TracerPid:\t0\nNoNewPrivs:\t${noNewPrivs}\nSeccomp:\t0\n` },
        { launch: { ...launch, uid }, confinement },
      )
    ).at(-1);

  test.each([
    ['that fits what the kernel shows', DOMAIN, 1000, '1', 'domain'],
    ['that an ordinary process without no_new_privs belies', DOMAIN, 1000, '0', 'contradicted'],
    ['that root keeps without no_new_privs', DOMAIN, 0, '0', 'domain'],
    ['that there is none', noDomain('asked'), 1000, '1', 'none'],
  ] as const)('%s', async (_, confinement, uid, noNewPrivs, value) =>
    expect(await stated(confinement, uid, noNewPrivs)).toBe(`confinement=${value} (declared)`),
  );
});

const MEASURES: LaunchMeasures = {
  script: { path: '/work/agent.js', sha256: 'aa'.repeat(32) },
  package: { name: 'npm:agent@1.0.0', sha256: 'bb'.repeat(32), lockSha256: null },
  configuration: { product: 'generic', sha256: 'cc'.repeat(32) },
};

describe('the page of an attestor names what it states, all of it', () => {
  const ID = '0'.repeat(64);
  const POD = '3f0c9a52-7f0e-4a55-9d7e-1f6b6f0a2c11';
  const paths = [`/kubepods/pod${POD}/${ID}`, '/a.slice/user@1.service/b.scope'];
  const everything: Recorded = { tty: 1, groups: '27', cgroupId: '1', ancestors: [{}], login: ['1000', '1'], exe: '/usr/bin/node' };
  const reads = recordedReads({
    args: ['node', '-r', 'x', '/app/a.js'],
    variables: { NODE_OPTIONS: '' },
    code: { foreign: ['/x.so'] },
    files: { '/app/a.js': '', '/app/package.json': '{"name":"@openai/codex","version":"1"}', '/work/project/AGENTS.md': '' },
  });
  const modules = recordedReads({ args: ['python3', '-m', 'x'] });
  const scripts = new RunningScripts(reads);
  const launch = {
    launchId: 'L',
    name: 'n',
    programPath: '/p',
    programSha256: 's',
    user: 'u',
    uid: 1,
    ownUid: 1,
    via: 'pinned',
    programSeen: true,
    measured: { measures: MEASURES, shebang: false, changed: ['script'], runs: false },
  } as const;
  const accounts = { userName: () => 'u', groupName: () => 'g' };

  test.each([
    hostAttestor({ hostname: 'h', machineId: 'm', bootId: 'b', os: 'o', kernel: 'k', pinnedBy: 'connection' }),
    userAttestor(accounts),
    binaryAttestor({ sha256: async () => 'ab' }),
    processAttestor(),
    privilegeAttestor({ of: () => [] }),
    cgroupAttestor(ROOTS),
    launchAttestor(),
    connectionAttestor(),
    scriptAttestor(scripts),
    integrityAttestor(reads, NAMESPACES),
    agentAttestor(reads, scripts, { home: () => '/home/ana' }),
  ])('$name', async (attestor) => {
    const views = [...paths.map((path) => ({ ...everything, cgroup: `0::${path}` })), everything].map(recorded);
    const observed = (
      await Promise.all(
        views.map(async (view) => attestor.attest(view, { launch, confinement: DOMAIN, delivery: 'files', connection: SHARED })),
      )
    ).flat();
    if (attestor.name === 'script')
      observed.push(
        ...(await scriptAttestor(new RunningScripts(modules)).attest(recorded({ exe: '/usr/bin/python3' }), {
          launch,
          confinement: DOMAIN,
          delivery: 'files',
        })),
      );
    observed.push(...(attestor.conclude?.([], { launch }, []) ?? []));
    const stated = new Set(observed.map(({ name }) => `${attestor.name}.${name}`));
    const page = readFileSync(`${__dirname}/../../attestors/${attestor.name}.md`, 'utf8');
    const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, type]) => type);
    expect(listed.sort()).toEqual([...stated].sort());
  });
});
