import { readFileSync } from 'node:fs';
import { binaryAttestor } from '../../attestors/binary';
import { cgroupAttestor } from '../../attestors/cgroup';
import { hostAttestor } from '../../attestors/host';
import { launchAttestor } from '../../attestors/launch';
import { privilegeAttestor } from '../../attestors/privilege';
import { processAttestor } from '../../attestors/process';
import { userAttestor } from '../../attestors/user';
import type { RootWay } from '../../src/domain/privilege';
import { MandateError } from '../../src/domain/errors';
import type { AttestContext, Attestor } from '../../src/domain/ports';
import { lines, recorded } from './recorded';
import type { Recorded } from './recorded';

const alone: AttestContext = { launch: undefined };
const facts = async (attestor: Attestor, process: Recorded, context = alone): Promise<string[]> =>
  lines(await attestor.attest(recorded(process), context));

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
  ])('%s', async (_, process, expected) => expect(await facts(attestor, process)).toEqual(expected));

  test('supplementary groups, named where they have a name', async () =>
    expect((await facts(attestor, { groups: '27 2000' })).slice(4)).toEqual([
      'supplementary_gid=27 (observed)',
      'supplementary_group=sudo (observed)',
      'supplementary_gid=2000 (observed)',
    ]));

  test('a name that looks like a line of groups adds none', async () =>
    expect(await facts(attestor, { name: 'x\nGroups:\t0' })).toHaveLength(4));

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
  const attestor = cgroupAttestor();

  test.each([
    ['root', '0::/\n', ['path=/ (observed)']],
    ['a service', '0::/system.slice/agent.service\n', ['path=/system.slice/agent.service (observed)', 'unit=agent.service (observed)']],
    [
      'a login',
      '0::/user.slice/user-1000.slice/session-3.scope\n',
      ['path=/user.slice/user-1000.slice/session-3.scope (observed)', 'unit=session-3.scope (observed)'],
    ],
    [
      'a unit that a user named',
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/sshd.service\n',
      ['path=/user.slice/user-1000.slice/user@1000.service/app.slice/sshd.service (observed)', 'unit=user@1000.service (observed)'],
    ],
    ['both hierarchies', '12:pids:/x/y.service\n1:name=systemd:/z.scope\n0::/real\n', ['path=/real (observed)']],
    ['no version 2', '12:pids:/x/y.service\n', []],
    ['nothing', '', []],
    [
      'an escaped unit',
      '0::/system.slice/a\\x2db.service\n',
      ['path=/system.slice/a\\\\x2db.service (observed)', 'unit=a\\\\x2db.service (observed)'],
    ],
  ])('%s', async (_, cgroup, expected) => expect(await facts(attestor, { cgroup })).toEqual(expected));

  test('its id where the kernel says', async () => expect(await facts(attestor, { cgroupId: '4711' })).toContain('id=4711 (observed)'));
});

test('host: what the device says of itself, and nothing for what it does not', async () => {
  const host = { hostname: 'laptop', machineId: '', bootId: 'b', os: 'Debian', kernel: '6.1' };
  expect(await facts(hostAttestor(host), {})).toEqual([
    'name=laptop (observed)',
    'boot_id=b (observed)',
    'os=Debian (observed)',
    'kernel=6.1 (observed)',
  ]);
});

describe('launch', () => {
  const launch = { launchId: 'L', name: 'hello', programPath: '/bin/x', programSha256: 'cd', user: 'ana', uid: 1000 };

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

describe('the page of an attestor names what it states, all of it', () => {
  const everything: Recorded = { tty: 1, groups: '27', cgroup: '0::/a.service', cgroupId: '1', ancestors: [{}] };
  const launch = {
    launchId: 'L',
    name: 'n',
    programPath: '/p',
    programSha256: 's',
    user: 'u',
    uid: 1,
    via: 'pinned',
    programSeen: true,
  } as const;
  const accounts = { userName: () => 'u', groupName: () => 'g' };

  test.each([
    hostAttestor({ hostname: 'h', machineId: 'm', bootId: 'b', os: 'o', kernel: 'k' }),
    userAttestor(accounts),
    binaryAttestor({ sha256: async () => 'ab' }),
    processAttestor(),
    cgroupAttestor(),
    privilegeAttestor({ of: () => [] }),
    launchAttestor(),
  ])('$name', async (attestor) => {
    const observed = await attestor.attest(recorded(everything), { launch });
    const stated = new Set(observed.map(({ name }) => `${attestor.name}.${name}`));
    const page = readFileSync(`${__dirname}/../../attestors/${attestor.name}.md`, 'utf8');
    const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, type]) => type);
    expect(listed.sort()).toEqual([...stated].sort());
  });
});
