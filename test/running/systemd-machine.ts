import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MANIFEST, STATE_FOLDER } from '../../src/domain/install';
import { installedFiles } from '../../src/domain/units';
import { childrenOf, commandLine } from '../supervision/proc';
import { until } from '../supervision/until';
import { finished, type Finished, ROOT } from './installation';

const SYSTEMD = '/lib/systemd/systemd';
/** Where the repository lies in there: units see neither /tmp nor home folders. */
export const PROGRAM = '/opt/mandate/bin/mandate';
const GROUPS = `mandate-test-${process.pid}`;
const UNIFIED = '/sys/fs/cgroup';
const HYBRID = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'];

/** Roots of the control group trees that systemd wants: one, or the two of a machine that still has the first version as well. */
const trees = (): readonly string[] => (existsSync(`${UNIFIED}/cgroup.controllers`) ? [UNIFIED] : HYBRID);

/** What an installation consists of. One of this machine, or what `mandate up` left, is not one of the machine that is booted. */
const MANDATE = [STATE_FOLDER, path.dirname(MANIFEST), ...installedFiles({ node: '', main: '' }).map(({ path: at }) => at)];

/**
 * Made into the machine's first program by unshare(1): a copy-on-write view of this machine's files, and mounts as they are at boot. What
 * systemd hands over as credentials reaches a unit only where mounts propagate, which is the default of a machine and not of a namespace.
 */
const BOOT = `set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$WHERE/upper,workdir=$WHERE/work" "$WHERE/root"
cd "$WHERE/root"
for file in $MANDATE; do rm -rf ".$file"; done
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ "$TREES" = 1 ]; then mount -t cgroup2 cgroup2 sys/fs/cgroup; else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/unified sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p opt/mandate mnt/old
mount --bind "$REPOSITORY" opt/mandate
pivot_root . mnt/old
umount -l /mnt/old
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin ${SYSTEMD} --system --unit=tested.target --log-target=null --show-status=no`;

/** Reaches nothing but systemd's own services. */
const TARGET = '[Unit]\nDescription=tested\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n';

/** A machine of its own on which systemd runs, beside this one: same kernel, same files, nothing written to them. */
export class SystemdMachine {
  readonly #where = mkdtempSync(path.join(tmpdir(), 'systemd-'));
  #booted: ChildProcess | undefined;
  #pid = 0;

  /** Why there can be none here; undefined where there can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'only root boots a machine';
    if (!existsSync(SYSTEMD)) return `there is no ${SYSTEMD}`;
    if (lstatSync(path.join(ROOT, 'node_modules')).isSymbolicLink()) return 'node_modules is a link that leads nowhere in there';
    if (statSync(process.execPath).dev !== statSync('/').dev) return 'Node.js lies on another file system than /';
    if (!trees().every((tree) => existsSync(`${tree}/cgroup.procs`))) return 'no control groups that systemd can use';
    const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--cgroup', 'mount', '--make-rprivate', '/']);
    return status === 0 ? undefined : 'no namespaces may be made here';
  }

  async boot(): Promise<void> {
    for (const folder of ['upper/etc/systemd/system', 'work', 'root']) mkdirSync(path.join(this.#where, folder), { recursive: true });
    writeFileSync(path.join(this.#where, 'upper/etc/systemd/system/tested.target'), TARGET);
    for (const tree of trees()) mkdirSync(`${tree}/${GROUPS}`);
    const own = trees().map((tree) => `echo $$ > ${tree}/${GROUPS}/cgroup.procs`);
    const spaces = ['--mount', '--pid', '--fork', '--kill-child', '--uts', '--ipc', '--cgroup'];
    this.#booted = spawn('sh', ['-c', `${own.join(' && ')} && exec unshare ${spaces.join(' ')} sh -c "$BOOT"`], {
      env: {
        PATH: process.env['PATH'],
        BOOT,
        WHERE: this.#where,
        REPOSITORY: ROOT,
        TREES: String(trees().length),
        MANDATE: MANDATE.join(' '),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#pid = await until('systemd as process 1', () => this.#first());
    await until('systemd to be up', async () => (await this.run('systemctl', 'is-active', 'tested.target')).code === 0);
  }

  /** Runs a program in there, as root. */
  run(...command: readonly string[]): Promise<Finished> {
    const enter = ['-t', String(this.#pid), '--mount', '--pid', '--uts', '--ipc', '--cgroup', '--root', '--wd'];
    const environment = ['env', '-i', `PATH=${path.dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`, 'HOME=/root', ...command];
    return finished(spawn('nsenter', [...enter, ...environment]));
  }

  /** The machine is gone, and with it everything that ran on it. */
  async end(): Promise<void> {
    this.#booted?.kill('SIGKILL');
    await until('the end of the machine', () => trees().every((tree) => removed(`${tree}/${GROUPS}`)));
    rmSync(this.#where, { recursive: true, force: true });
  }

  /** The only child of unshare(1), once it is systemd. */
  #first(): number | undefined {
    const parent = this.#booted?.pid;
    return parent === undefined ? undefined : childrenOf(parent).find((pid) => commandLine(pid).startsWith(SYSTEMD));
  }
}

/** True once a control group and all below it are gone; they can be removed when nothing lives in them. */
function removed(group: string): boolean {
  if (!existsSync(group)) return true;
  const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  try {
    if (!below.every(({ name }) => removed(path.join(group, name)))) return false;
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}
