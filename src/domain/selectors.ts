/** What one selector type says, how its values look, and what it is worth on its own. docs/rules.md shows this table. */
export interface SelectorType {
  readonly type: string;
  /** One line for people who write rules. */
  readonly meaning: string;
  readonly form: SelectorForm;
  /**
   * What a rule that names it gains. `identity`: something a process cannot choose for itself (contents, account, launch). `context`:
   * true, but shared by many or chosen by whoever starts the process, so never enough alone. `declared`: said by the launcher or by the
   * process itself, so it never makes a condition hold.
   */
  readonly strength: 'identity' | 'context' | 'declared';
}

export type SelectorForm = 'text' | 'path' | 'number' | 'boolean' | 'sha256';

const selector = (type: string, form: SelectorForm, strength: SelectorType['strength'], meaning: string): SelectorType => ({
  type,
  form,
  strength,
  meaning,
});

/** Every selector type that a rule may name. A test holds docs/rules.md to this list. */
export const SELECTORS: readonly SelectorType[] = [
  selector('host.name', 'text', 'context', 'host name of the device'),
  selector('host.machine_id', 'text', 'context', 'machine id of the device'),
  selector('host.boot_id', 'text', 'context', 'boot id of the device; changes with every boot'),
  selector('host.os', 'text', 'context', 'operating system and version of the device'),
  selector('host.kernel', 'text', 'context', 'kernel release of the device'),
  selector('host.pinned_by', 'text', 'context', 'how a process that connects is pinned: `connection`, or `pid` before Linux 6.5'),
  selector('user.uid', 'number', 'identity', 'user id the process runs under'),
  selector('user.gid', 'number', 'identity', 'primary group id of the process'),
  selector('user.name', 'text', 'identity', 'account name of the user id, or `uid-N` where it has none'),
  selector('user.group', 'text', 'identity', 'name of the primary group'),
  selector('user.supplementary_gid', 'number', 'identity', 'one supplementary group id'),
  selector('user.supplementary_group', 'text', 'identity', 'name of one supplementary group'),
  selector('user.session_leader', 'boolean', 'context', 'whether the process leads its session'),
  selector('user.terminal', 'boolean', 'context', 'whether the process has a controlling terminal'),
  selector('user.login_uid', 'number', 'context', 'login id of the process; holds only where it is its user id as well'),
  selector('user.login_session', 'number', 'context', 'audit session of that login'),
  selector(
    'binary.path',
    'path',
    'context',
    'path of the running program as the kernel shows it; whoever may write there may replace the program',
  ),
  selector('binary.sha256', 'sha256', 'identity', 'SHA-256 of the contents of the running program'),
  selector('binary.owner_uid', 'number', 'context', 'owner of the file of the running program'),
  selector('binary.writable', 'boolean', 'context', 'whether the user of the process may write to its program'),
  selector('binary.deleted', 'boolean', 'context', 'whether the file of the running program is gone from its path'),
  selector('script.interpreter', 'text', 'declared', 'interpreter that the program is'),
  selector('script.mode', 'text', 'declared', 'where its code comes from: `file`, `module`, `inline` or `stdin`'),
  selector('script.path', 'path', 'declared', 'entry script that its arguments name'),
  selector('script.sha256', 'sha256', 'declared', 'SHA-256 of that script at the first look'),
  selector('script.module', 'text', 'declared', 'module that its arguments name'),
  selector('script.package', 'text', 'declared', 'npm or Python package that the script lies in'),
  selector('script.preload', 'text', 'declared', 'what its arguments load before the script'),
  selector('process.parent', 'path', 'context', 'path of the program of the parent process'),
  selector('process.ancestor', 'path', 'context', 'path of the program of any living ancestor'),
  selector('process.tty', 'text', 'context', 'controlling terminal of the process'),
  selector('cgroup.path', 'path', 'context', 'path of the control group'),
  selector('cgroup.id', 'number', 'context', 'inode number of the control group'),
  selector(
    'cgroup.unit',
    'text',
    'identity',
    'systemd unit of the system manager; holds only where root alone can have put the process there',
  ),
  selector('cgroup.slice', 'text', 'context', 'systemd slice of that unit'),
  selector('cgroup.user_unit', 'text', 'declared', "systemd unit that the user's own manager named"),
  selector('cgroup.container', 'text', 'identity', 'id of the container; holds only where root alone can have put the process there'),
  selector('cgroup.runtime', 'text', 'context', 'container runtime by the name of the control group'),
  selector('cgroup.pod', 'text', 'identity', 'uid of the Kubernetes pod; holds as the container does'),
  selector('integrity.variable', 'text', 'declared', 'name of a variable in its environment that loads code or start-up files'),
  selector(
    'integrity.foreign_code',
    'boolean',
    'context',
    "whether it has mapped code from files that are neither the system's nor its program's",
  ),
  selector('integrity.foreign_file', 'path', 'context', 'such a file'),
  selector('integrity.replaceable', 'boolean', 'context', 'whether its user may write to a folder on the way to its program'),
  selector('integrity.file_system', 'text', 'context', 'type of the file system that its program lies on'),
  selector('integrity.traced', 'boolean', 'context', 'whether a debugger is attached'),
  selector('integrity.no_new_privs', 'boolean', 'context', 'whether it can gain no privileges by executing a program'),
  selector('integrity.seccomp', 'text', 'context', 'seccomp mode: `off`, `strict` or `filter`'),
  selector('integrity.user_namespace', 'text', 'context', "whether its user namespace is the node's: `same` or `other`"),
  selector('integrity.mount_namespace', 'text', 'context', 'likewise, its mount namespace'),
  selector('integrity.pid_namespace', 'text', 'context', 'likewise, its pid namespace'),
  selector('integrity.network_namespace', 'text', 'context', 'likewise, its network namespace'),
  selector('agent.product', 'text', 'declared', 'known AI agent that it looks like, or `generic`'),
  selector('agent.version', 'text', 'declared', 'version that its package or path names'),
  selector('agent.config_sha256', 'sha256', 'context', 'digest of the files that govern the agent; holds until they change'),
  selector('agent.config_file', 'text', 'context', 'one of these files and its SHA-256'),
  selector(
    'privilege.capabilities',
    'text',
    'context',
    'an effective capability of the process that reaches memory or files of other users, or the kernel, or `none`',
  ),
  selector(
    'privilege.root_way',
    'text',
    'context',
    'a standing way of its account to root, such as `docker` or `sudo-nopasswd`, or `none`',
  ),
  selector('launch.id', 'text', 'identity', 'the launch that the process belongs to'),
  selector('launch.path', 'path', 'identity', 'path of the program that was launched'),
  selector('launch.sha256', 'sha256', 'identity', 'SHA-256 of the program that was launched'),
  selector('launch.user', 'text', 'identity', 'account name of the user who launched it'),
  selector('launch.uid', 'number', 'identity', 'user id of the user who launched it'),
  selector(
    'launch.own_uid',
    'boolean',
    'context',
    'whether the process runs under a uid that the node gave to its launch alone (`mandate run --as-user`)',
  ),
  selector('launch.via', 'text', 'context', 'how membership is known: `pinned`, `ancestor` or `cgroup`'),
  selector(
    'launch.unchanged',
    'boolean',
    'context',
    'whether the launched process runs what was measured before it ran, governed as it was then',
  ),
  selector('launch.changed', 'text', 'context', 'what of it is another now: `program`, `script`, `package` or `configuration`'),
  selector('launch.script_sha256', 'sha256', 'declared', 'SHA-256 of the script that was launched, before it ran'),
  selector('launch.package', 'text', 'declared', 'npm or Python package around that script'),
  selector('launch.config_sha256', 'sha256', 'declared', 'digest of what governed the agent before it ran'),
  selector('launch.name', 'text', 'declared', 'name that the launcher gave; usable in a template only'),
];

const BY_TYPE: ReadonlyMap<string, SelectorType> = new Map(SELECTORS.map((s) => [s.type, s]));

/** The selector type of that name, or undefined where there is none. */
export const selectorType = (type: string): SelectorType | undefined => BY_TYPE.get(type);

/** Stands for any value that is present; accepted for `launch.*` only, where being a member at all is the statement, and for no yes or no. */
export const ANY_VALUE = '*';

export const mayMatchAny = (type: string): boolean => type.startsWith('launch.') && selectorType(type)?.form !== 'boolean';
