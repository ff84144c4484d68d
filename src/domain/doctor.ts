import { KEY_HOME_WORDS, type KeyHomeKind } from './key-seal';
import type { RootWay } from './privilege';

/** What `mandate doctor` looked at on this machine; null where it could not be told. Nothing of it is decided here. */
export interface MachineFacts {
  readonly kernel: string;
  /** SO_PEERPIDFD is answered (Linux 6.5). */
  readonly peerPidfd: boolean;
  /** Every pidfd has an inode of its own (Linux 6.9). */
  readonly pidfs: boolean;
  /** PIDFD_GET_INFO is answered (Linux 6.13). */
  readonly pidfdInfo: boolean;
  /** Version of Landlock's interface; 0 where there is none. */
  readonly landlock: number;
  readonly cgroup2: boolean;
  /** kernel.yama.ptrace_scope; null without yama. */
  readonly ptraceScope: number | null;
  /** An ordinary user may make user namespaces. */
  readonly userNamespaces: boolean;
  readonly uid: number;
  readonly loginUid: number | null;
  readonly clockSynchronised: boolean | null;
  readonly rootWays: readonly RootWay[];
}

/** One file or socket of an installation, and who may be able to do what with it. */
export interface StateFile {
  readonly what:
    'state' | 'installation' | 'configuration' | 'keys' | 'secrets' | 'database' | 'admin socket' | 'link socket' | 'database socket';
  readonly path: string;
  readonly uid: number;
  readonly mode: number;
}

export interface InstallationFacts {
  readonly mode: 'installed' | 'own-user';
  /** What of it is there and may be seen by us. */
  readonly files: readonly StateFile[];
  /** uids that server and database run under; null where everything runs under one. */
  readonly accounts: { readonly server: number; readonly database: number } | null;
  /** Whoever started it: root, or the one user. */
  readonly owner: number;
  /** How the authority keys rest; null where their folder is not for us. */
  readonly keyHome: KeyHomeKind | null;
  /** systemd runs the parts: the node is a member of the server's group, and of nothing else that could reach the server. */
  readonly units: boolean;
}

export type CheckResult = 'ok' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly result: CheckResult;
  readonly saw: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do about it; empty where nothing has to be done. */
  readonly fix: string;
}

/** One check; what is ok needs no fix. */
export const check = (name: string, result: CheckResult, saw: string, why: string, fix: string): Check => ({
  name,
  result,
  saw,
  why,
  fix: result === 'ok' ? '' : fix,
});

/** Judges machine and installation: `fail` breaks a promise, `warn` weakens one. `installation` is undefined where there is none, or none to be seen. */
export function judgeDoctor(machine: MachineFacts, installation: InstallationFacts | undefined): readonly Check[] {
  return [...kernelChecks(machine), ...personChecks(machine, installation), ...(installation ? installationChecks(installation) : [])];
}

function kernelChecks(facts: MachineFacts): Check[] {
  const { kernel } = facts;
  const feature = (there: boolean) => `${there ? 'there' : 'not there'}, Linux ${kernel}`;
  const scope = facts.ptraceScope;
  return [
    check(
      'kernel.peerpidfd',
      facts.peerPidfd ? 'ok' : 'fail',
      feature(facts.peerPidfd),
      'names the peer of a socket without a race',
      'use Linux 6.5 or newer',
    ),
    check(
      'kernel.pidfs',
      facts.pidfs ? 'ok' : 'warn',
      feature(facts.pidfs),
      'names a process for good; without it pid and start time do',
      'use Linux 6.9 or newer',
    ),
    check(
      'kernel.pidfd_info',
      facts.pidfdInfo ? 'ok' : 'warn',
      feature(facts.pidfdInfo),
      'tells parents and users without reading /proc',
      'use Linux 6.13 or newer',
    ),
    check(
      'kernel.landlock',
      facts.landlock >= 6 ? 'ok' : 'warn',
      facts.landlock === 0 ? 'not there' : `version ${facts.landlock}`,
      'from version 6 on it can shut launches from each other',
      'use Linux 6.12 or newer, with landlock among the values of lsm=',
    ),
    check(
      'kernel.cgroup2',
      facts.cgroup2 ? 'ok' : 'warn',
      facts.cgroup2 ? 'mounted' : 'not mounted',
      'control groups tell units and containers',
      'mount cgroup2',
    ),
    check(
      'kernel.ptrace_scope',
      scope !== null && scope >= 1 ? 'ok' : 'warn',
      scope === null ? 'no yama' : `kernel.yama.ptrace_scope ${scope}`,
      'without it processes of one user read and change each other: keys of agents, and programs that rules allow',
      scope === null ? 'use a kernel with yama among the values of lsm=' : 'sysctl kernel.yama.ptrace_scope=1',
    ),
    check(
      'kernel.user_namespaces',
      facts.userNamespaces ? 'warn' : 'ok',
      facts.userNamespaces ? 'for every user' : 'not for ordinary users',
      'in one of its own a process may have the kernel show any program as the one that it runs, path and hash',
      'let rules by program ask for an account of its own as well; or, where no sandbox needs them: sysctl user.max_user_namespaces=0',
    ),
    check(
      'clock',
      facts.clockSynchronised === true ? 'ok' : 'warn',
      facts.clockSynchronised === null ? 'the kernel does not say' : facts.clockSynchronised ? 'synchronised' : 'not synchronised',
      'SVIDs live for minutes: a clock that is off makes them expired or not valid yet elsewhere',
      'run a time service such as systemd-timesyncd or chrony',
    ),
  ];
}

function personChecks({ uid, loginUid, rootWays }: MachineFacts, installation: InstallationFacts | undefined): Check[] {
  const ways = rootWays.filter((way) => way !== 'sudo-unknown');
  const unknown = rootWays.includes('sudo-unknown');
  return [
    check(
      'person.uid',
      uid === 0 ? 'warn' : 'ok',
      `uid ${uid}`,
      'nothing separates the issuer from what root starts, and root is never a delegator',
      'start agents as an ordinary user',
    ),
    check(
      'person.root_way',
      uid === 0 ? 'ok' : ways.length > 0 && installation?.mode !== 'own-user' ? 'fail' : ways.length > 0 || unknown ? 'warn' : 'ok',
      uid === 0
        ? 'is root'
        : rootWays.length === 0
          ? 'none found'
          : unknown && ways.length === 0
            ? 'the rules of sudo may not be read, or are not understood'
            : rootWays.join(', '),
      'an agent of this account becomes root without asking, and reaches the issuer: its chains count as not separated',
      unknown && ways.length === 0
        ? 'run doctor as root to have them read'
        : 'run agents under an account without it: no NOPASSWD, not in the docker, lxd or libvirt groups',
    ),
    check(
      'person.loginuid',
      loginUid === null ? 'warn' : 'ok',
      loginUid === null ? 'not set' : `uid ${loginUid}`,
      'the kernel keeps who logged in through su and sudo; here nobody did, as in most containers',
      'log in by a service that sets it (pam_loginuid)',
    ),
  ];
}

/** For each kind of file: the bits that nobody may have, and whose it has to be. */
const FILES: Readonly<Record<StateFile['what'], { readonly forbidden: number; readonly owner: 'owner' | 'server' | 'database' }>> = {
  state: { forbidden: 0o022, owner: 'owner' },
  installation: { forbidden: 0o022, owner: 'owner' },
  configuration: { forbidden: 0o022, owner: 'owner' },
  keys: { forbidden: 0o077, owner: 'server' },
  secrets: { forbidden: 0o077, owner: 'owner' },
  database: { forbidden: 0o077, owner: 'database' },
  'admin socket': { forbidden: 0, owner: 'server' },
  'link socket': { forbidden: 0o077, owner: 'server' },
  'database socket': { forbidden: 0o007, owner: 'database' },
};

function installationChecks({ mode, files, accounts, owner, keyHome, units }: InstallationFacts): Check[] {
  const uids = accounts && [accounts.server, accounts.database];
  const apart = uids !== null && new Set([...uids, 0]).size === 3;
  return [
    check(
      'issuer.uids',
      mode === 'own-user' ? 'warn' : apart ? 'ok' : 'fail',
      uids === null ? `everything under uid ${owner}` : `server uid ${uids[0]}, database uid ${uids[1]}`,
      'what shares a uid with agents is within their reach: keys, database, memory',
      mode === 'own-user' ? 'start mandate as root for anything but trying it out' : 'give server and database accounts of their own',
    ),
    ...(keyHome === null ? [] : [keyHomeCheck(keyHome)]),
    ...files.map((file) =>
      fileCheck(file, { owner, server: accounts?.server ?? owner, database: accounts?.database ?? owner }, units ? 0o070 : 0),
    ),
  ];
}

const keyHomeCheck = (home: KeyHomeKind): Check =>
  check(
    'keys.home',
    home === 'plain' ? 'warn' : 'ok',
    KEY_HOME_WORDS[home],
    'whoever copies the files, from a stolen disk or a backup, can make any identity until the authorities expire',
    'encrypt the disk and its backups, or: mandate ca seal',
  );

function fileCheck(
  { what, path, uid, mode }: StateFile,
  uids: Readonly<Record<'owner' | 'server' | 'database', number>>,
  ofTheNode: number,
): Check {
  const { owner } = FILES[what];
  const forbidden = what === 'link socket' ? FILES[what].forbidden & ~ofTheNode : FILES[what].forbidden;
  const tooOpen = (mode & forbidden) !== 0;
  // Root could do what any owner may.
  const wrongOwner = uid !== uids[owner] && uid !== 0;
  const shown = mode.toString(8).padStart(4, '0');
  return check(
    `file.${what.replace(' ', '_')}`,
    tooOpen || wrongOwner ? 'fail' : 'ok',
    `${path} ${shown} uid ${uid}`,
    'whoever may write or read it has what mandate keeps from others',
    wrongOwner ? `chown ${uids[owner]} ${path}` : `chmod ${(mode & ~forbidden).toString(8).padStart(4, '0')} ${path}`,
  );
}
