import { type Found, type FoundAt, type InstallManifest, MANIFEST, planInstall, planUninstall, sha256 } from '../../src/domain/install';
import { hasAccount, withAccount, withoutAccount } from '../../src/domain/system-accounts';
import { installedFiles, SERVICES, UNIT_FOLDER } from '../../src/domain/units';

const PROGRAM = { node: '/usr/bin/node', main: '/opt/mandate/dist/src/main.js' };
const NODE_UNIT = `${UNIT_FOLDER}/mandate-node.service`;
const NOTHING: FoundAt = { kind: 'nothing' };

interface Machine {
  readonly root?: string;
  readonly systemd?: Found['systemd'];
  readonly manifest?: InstallManifest;
  readonly at?: Readonly<Record<string, FoundAt>>;
  readonly accounts?: readonly string[];
  readonly folders?: readonly string[];
}

const machine = ({
  root = '/',
  systemd = 'runs',
  manifest,
  at = {},
  accounts = [],
  folders = ['/etc', '/etc/systemd', UNIT_FOLDER],
}: Machine = {}): Found => ({
  root,
  systemd,
  manifest,
  at: (path) => at[path] ?? NOTHING,
  hasFolder: (path) => folders.includes(path),
  hasAccount: (name) => accounts.includes(name),
});

/** The machine after a plan was carried out on it. */
function installed(found: Found, changed: Readonly<Record<string, FoundAt>> = {}): Machine {
  const { manifest, write, links, accounts } = planInstall(found, PROGRAM);
  return {
    root: found.root,
    systemd: found.systemd,
    manifest,
    accounts: ['mandate', 'mandate-db', ...accounts],
    at: {
      ...Object.fromEntries(write.map(({ path, text }) => [path, { kind: 'file', sha256: sha256(text) } as const])),
      ...Object.fromEntries(links.map(({ path, target }) => [path, { kind: 'link', target } as const])),
      ...changed,
    },
  };
}

describe('what would be made', () => {
  test.each<[string, Machine, object]>([
    [
      'a machine that systemd runs on',
      {},
      {
        accounts: ['mandate', 'mandate-db'],
        commands: [
          ['systemd-sysusers', '/etc/sysusers.d/mandate.conf'],
          ['systemd-tmpfiles', '--create', '/etc/tmpfiles.d/mandate.conf'],
          ['systemctl', 'daemon-reload'],
          ['systemctl', 'start', 'mandate.target'],
        ],
        starts: true,
        byHand: [],
      },
    ],
    [
      'one that has the accounts',
      { accounts: ['mandate', 'mandate-db'] },
      { accounts: [], commands: [expect.anything(), expect.anything(), expect.anything()] },
    ],
    [
      'one whose systemd does not run',
      { systemd: 'installed' },
      {
        commands: [['systemd-sysusers', '/etc/sysusers.d/mandate.conf']],
        starts: false,
        byHand: [expect.stringContaining('when this machine is started')],
      },
    ],
    [
      'one without systemd: the accounts, and a word about the rest',
      { systemd: 'absent', accounts: ['mandate'] },
      {
        write: [],
        links: [],
        accounts: ['mandate-db'],
        commands: [
          [
            'useradd',
            '--system',
            '--user-group',
            '--no-create-home',
            '--home-dir',
            '/var/lib/mandate',
            '--shell',
            '/usr/sbin/nologin',
            'mandate-db',
          ],
        ],
        byHand: [expect.stringContaining('`mandate up`')],
      },
    ],
    [
      "another machine's tree: no command is run",
      { root: '/mnt', systemd: 'installed' },
      { commands: [], starts: false, byHand: [expect.anything(), expect.anything()] },
    ],
  ])('%s', (_what, found, expected) => {
    expect(planInstall(machine(found), PROGRAM)).toMatchObject({ ...expected, edited: [], nothingToDo: false });
  });

  test('folders that are there are not ours to remove; those that are not are made from the outermost in', () => {
    const { folders } = planInstall(machine(), PROGRAM);
    expect(folders).toEqual(['/etc/mandate', '/etc/sysusers.d', '/etc/tmpfiles.d', `${UNIT_FOLDER}/multi-user.target.wants`]);
  });

  test('the second time there is nothing to do', () => {
    for (const systemd of ['runs', 'installed', 'absent'] as const) {
      const plan = planInstall(machine(installed(machine({ systemd }))), PROGRAM);
      expect(plan).toMatchObject({ nothingToDo: true, write: [], commands: [], byHand: [], edited: [] });
    }
  });

  test('a file that another version wrote is written anew; one that somebody edited stops everything', () => {
    const before = installed(machine());
    const older = sha256('older');
    const ours = {
      ...before.manifest!,
      files: before.manifest!.files.map((file) => (file.path === NODE_UNIT ? { ...file, sha256: older } : file)),
    };
    const at = { ...before.at, [NODE_UNIT]: { kind: 'file', sha256: older } as const };
    expect(planInstall(machine({ ...before, manifest: ours, at }), PROGRAM).write.map(({ path }) => path)).toEqual([NODE_UNIT]);
    expect(planInstall(machine({ ...before, at }), PROGRAM)).toMatchObject({ edited: [NODE_UNIT], nothingToDo: false });
  });

  test.each<[string, FoundAt]>([
    ['a foreign file', { kind: 'file', sha256: sha256('theirs') }],
    ['a link, as of a masked unit', { kind: 'link', target: '/dev/null' }],
    ['a folder', { kind: 'other' }],
  ])('%s in the place of a unit is named, and nothing is written over it', (_what, there) => {
    const plan = planInstall(machine({ at: { [NODE_UNIT]: there } }), PROGRAM);
    expect(plan.edited).toEqual([NODE_UNIT]);
    expect(plan.write.map(({ path }) => path)).not.toContain(NODE_UNIT);
  });

  test('a file that was there before us and is the same is not ours to remove', () => {
    const same = installedFiles(PROGRAM).find(({ path }) => path === NODE_UNIT)!;
    const plan = planInstall(machine({ at: { [NODE_UNIT]: { kind: 'file', sha256: sha256(same.text) } } }), PROGRAM);
    expect(plan.manifest.files.map(({ path }) => path)).not.toContain(NODE_UNIT);
  });
});

describe('what would be removed', () => {
  const full: Machine = { ...installed(machine()), folders: ['/var/lib/mandate', '/run/mandate'] };

  test('nothing where nothing was installed', () => expect(planUninstall(machine(), true)).toBeUndefined());

  test('exactly what was made; state and accounts stay', () => {
    const plan = planUninstall(machine(full), false)!;
    expect(plan.files).toEqual([...full.manifest!.links, ...full.manifest!.files].map(({ path }) => path));
    expect(plan).toMatchObject({ accounts: [], state: [], kept: [], after: [['systemctl', 'daemon-reload']] });
    expect(plan.before).toEqual([['systemctl', 'stop', expect.anything(), 'mandate-node.socket', ...SERVICES]]);
    expect(plan.folders[0]).toBe(`${UNIT_FOLDER}/multi-user.target.wants`);
  });

  test('with --purge state and accounts as well; without state nobody owns anything, and the accounts go', () => {
    expect(planUninstall(machine(full), true)).toMatchObject({
      state: ['/var/lib/mandate', '/run/mandate'],
      accounts: ['mandate', 'mandate-db'],
      after: [
        ['systemctl', 'daemon-reload'],
        ['userdel', 'mandate'],
        ['userdel', 'mandate-db'],
      ],
    });
    expect(planUninstall(machine({ ...full, folders: [] }), false)).toMatchObject({ state: [], accounts: ['mandate', 'mandate-db'] });
  });

  test('an account that was there before stays', () => {
    const later = { ...installed(machine({ accounts: ['mandate'] })), folders: [] };
    expect(planUninstall(machine(later), true)).toMatchObject({ accounts: ['mandate-db'] });
  });

  test('an edited file stays, and is named', () => {
    const edited = installed(machine(), { [NODE_UNIT]: { kind: 'file', sha256: sha256('edited') } });
    const plan = planUninstall(machine(edited), true)!;
    expect(plan.kept).toEqual([NODE_UNIT]);
    expect(plan.files).not.toContain(NODE_UNIT);
  });

  test("nothing is stopped for another machine's tree", () => {
    const found = { ...installed(machine({ root: '/mnt', systemd: 'installed' })), root: '/mnt' };
    expect(planUninstall(machine(found), true)).toMatchObject({ before: [], after: [] });
    expect(MANIFEST).toBe('/etc/mandate/install.json');
  });
});

describe('accounts as lines', () => {
  const FILES = {
    passwd: 'root:x:0:0::/root:/bin/sh\nhigh:x:999:999::/:/x\n',
    group: 'root:x:0:\nother:x:998:\n',
    shadow: 'root:*:::::::\n',
    gshadow: undefined,
  };

  test('one is added under the highest number that neither has, and nobody can log in to it', () => {
    const added = withAccount(FILES, 'mandate', '/var/lib/mandate', '/usr/sbin/nologin')!;
    expect(added).toEqual({
      passwd: `${FILES.passwd}mandate:x:997:997:Mandate:/var/lib/mandate:/usr/sbin/nologin\n`,
      group: `${FILES.group}mandate:x:997:\n`,
      shadow: `${FILES.shadow}mandate:!*:::::::\n`,
      gshadow: undefined,
    });
    expect([hasAccount(added.passwd, 'mandate'), hasAccount(added.passwd, 'mandate-db')]).toEqual([true, false]);
    expect(withoutAccount(added, 'mandate')).toEqual(FILES);
  });

  test('where no number is left there is none', () => {
    const passwd = Array.from({ length: 1000 }, (_, id) => `u${id}:x:${id}:${id}::/:/x\n`).join('');
    expect(withAccount({ ...FILES, passwd }, 'mandate', '/', '/x')).toBeUndefined();
  });
});
