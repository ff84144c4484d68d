import { closeSync, chownSync, fstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { type OwnUidPlan, within } from '../domain/own-uid-protocol';
import { withIdMap } from './id-map';
import { KernelError } from './libc';
import { ATTR, attach, cloneMount, coverWithMemory, openWithoutLinks, ownMountNamespace, setMount, uncover } from './mounts';

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** Of the machine's memory, for all that the agent keeps in its home folder. */
const HOME_SIZE = '25%';

/**
 * Gives the calling thread mounts of its own: the project at its own path, where what belongs to its owner on disk belongs to `plan.uid` and
 * the reverse; an empty folder over the owner's home; and accounts in which the uid has a name. Nothing of the machine is changed, and all of it goes with
 * the last process that sees it. `project` is a descriptor of the project folder as the launcher opened it. Throws E_OWN_UID.
 */
export function enterOwnView(plan: OwnUidPlan, project: number): void {
  try {
    const { uid, owner } = plan;
    const mount = cloneMount(project);
    withIdMap(owner, { uid, gid: uid }, (users) => setMount(mount, ATTR.idmap | ATTR.noSetuid | ATTR.noDevices, users));
    ownMountNamespace();
    const home = openWithoutLinks(owner.home);
    coverAccounts(plan, home);
    coverWithMemory(home, `mode=0700,uid=${uid},gid=${uid},size=${HOME_SIZE}`);
    if (within(plan.project, owner.home)) makeFolders(plan);
    const place = openWithoutLinks(plan.project);
    // Below the covered home the place is our own folder; anywhere else it has to be the very folder that the launcher opened.
    if (!within(plan.project, owner.home) && !sameFile(place, project)) throw changed(plan.project);
    attach(mount, place);
    for (const fd of [mount, home, place]) closeSync(fd);
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new MandateError('E_OWN_UID', { saw: `${cause.call}: ${cause.code}`, ...reasonOf(cause) }, { cause });
  }
}

/** Written on a tmpfs that is seen by nobody afterwards: only its two files stay, each over the one it stands for. */
function coverAccounts({ uid, owner }: OwnUidPlan, home: number): void {
  coverWithMemory(home, `mode=0755,size=64m`);
  const name = accountName(uid);
  const files = [
    ['/etc/passwd', `${name}:x:${uid}:${uid}:agent of ${owner.name}:${owner.home}:${owner.shell}`],
    ['/etc/group', `${name}:x:${uid}:`],
  ] as const;
  for (const [file, line] of files) {
    const copy = `${owner.home}/${file.slice('/etc/'.length)}`;
    writeFileSync(copy, `${readFileSync(file, 'utf8').replace(/\n*$/, '')}\n${line}\n`, { mode: FILE_MODE });
    const [from, over] = [openWithoutLinks(copy), openWithoutLinks(file)];
    const mount = cloneMount(from);
    setMount(mount, ATTR.readOnly | ATTR.noSetuid | ATTR.noDevices);
    attach(mount, over);
    for (const fd of [from, over, mount]) closeSync(fd);
  }
  uncover(owner.home);
}

export const accountName = (uid: number): string => `agent-${uid}`;

/** The folders from the home folder to the project, the agent's own. */
function makeFolders({ project, owner, uid }: OwnUidPlan): void {
  let folder = owner.home;
  for (const name of project.slice(owner.home.length + 1).split('/')) {
    folder = `${folder}/${name}`;
    mkdirSync(folder, FOLDER_MODE);
    chownSync(folder, uid, uid);
  }
}

function sameFile(a: number, b: number): boolean {
  const [x, y] = [fstatSync(a, { bigint: true }), fstatSync(b, { bigint: true })];
  return x.dev === y.dev && x.ino === y.ino;
}

const changed = (project: string): MandateError => new MandateError('E_OWN_UID', { saw: project, why: 'another folder lies there by now' });

function reasonOf({ call, code }: KernelError): { readonly why: string; readonly fix?: string } {
  if (call === 'mountSetattr' && (code === 'EINVAL' || code === 'EOPNOTSUPP'))
    return {
      why: 'the file system of the project cannot show its files under another owner (no idmapped mounts)',
      fix: 'keep the project on ext4, xfs or btrfs; tmpfs from Linux 6.3 on',
    };
  if (call === 'openTree' && code === 'EINVAL')
    return { why: 'the project is not among the mounts of the node', fix: 'start it outside containers and sandboxes' };
  if (code === 'ENOSYS') return { why: 'idmapped mounts came with Linux 5.12' };
  if (code === 'ELOOP') return { why: 'a symbolic link stands in the path of the project, of the home folder or of /etc/passwd' };
  return { why: 'the folders of the agent could not be mounted' };
}
