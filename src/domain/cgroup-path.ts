/** What the names on a cgroup v2 path mean to systemd and to container runtimes. */

export interface CgroupPlace {
  /** The folder that the name stands in: who may move processes there says what the name means. */
  readonly within: string;
}

export interface UnitPlace extends CgroupPlace {
  readonly name: string;
  /** The innermost slice that it stands in; undefined directly below the root. */
  readonly slice: string | undefined;
}

export interface ContainerPlace extends CgroupPlace {
  /** 64 hex digits. */
  readonly id: string;
  readonly runtime: 'docker' | 'podman' | 'containerd' | 'cri-o' | 'unknown';
  /** Kubernetes pod uid. */
  readonly pod: string | undefined;
}

const UNIT = /\.(service|scope)$/;
const USER_MANAGER = /^user@\d{1,10}\.service$/;

/**
 * The systemd unit of the system manager: the first service or scope below nothing but slices. A name further in, as that of a system
 * in a container, belongs to another manager. A path that leads out of the cgroup namespace of the node has none.
 */
export function unitOf(path: string): UnitPlace | undefined {
  const names = namesOf(path);
  const at = names.findIndex((name) => !name.endsWith('.slice'));
  const name = names[at];
  if (name === undefined || !UNIT.test(name)) return undefined;
  return { name, slice: names[at - 1], within: folder(names, at) };
}

/** The unit that the manager of a user gave: that user may choose any. */
export function userUnitOf(path: string): string | undefined {
  const names = namesOf(path);
  const manager = names.findIndex((name) => USER_MANAGER.test(name));
  return manager < 0 ? undefined : names.slice(manager + 1).find((name) => UNIT.test(name));
}

const ID = '([0-9a-f]{64})';
const SCOPES: readonly (readonly [RegExp, ContainerPlace['runtime']])[] = [
  [new RegExp(`^docker-${ID}\\.scope$`), 'docker'],
  [new RegExp(`^libpod-${ID}\\.scope$`), 'podman'],
  [new RegExp(`^libpod-${ID}$`), 'podman'],
  [new RegExp(`^cri-containerd-${ID}\\.scope$`), 'containerd'],
  [new RegExp(`^nerdctl-${ID}\\.scope$`), 'containerd'],
  [new RegExp(`^crio-${ID}(\\.scope)?$`), 'cri-o'],
];
const PLAIN = new RegExp(`^${ID}$`);
const POD_UID = '([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})';
const POD_SLICE = new RegExp(`^kubepods(-besteffort|-burstable)?-pod${POD_UID}\\.slice$`);
const POD_FOLDER = new RegExp(`^pod${POD_UID}$`);

/** The outermost container on the path, by the names that runtimes give with either cgroup driver. */
export function containerOf(path: string): ContainerPlace | undefined {
  const names = namesOf(path);
  for (const [at, name] of names.entries()) {
    const found = container(name, names[at - 1]);
    if (found === undefined) continue;
    return { ...found, pod: podOf(names.slice(0, at)), within: folder(names, at) };
  }
  return undefined;
}

function container(name: string, parent: string | undefined): Pick<ContainerPlace, 'id' | 'runtime'> | undefined {
  for (const [form, runtime] of SCOPES) {
    const id = form.exec(name)?.[1];
    if (id !== undefined) return { id, runtime };
  }
  const id = PLAIN.exec(name)?.[1];
  if (id === undefined || parent === undefined) return undefined;
  // A plain id says nothing of its runtime, except below docker's own folder.
  return { id, runtime: parent === 'docker' ? 'docker' : 'unknown' };
}

/** Only where kubelet puts pods: the driver for systemd writes the uid with underscores, older static pods without anything. */
function podOf(names: readonly string[]): string | undefined {
  if (names[0] !== 'kubepods' && names[0] !== 'kubepods.slice') return undefined;
  for (const name of names) {
    const uid = POD_SLICE.exec(name)?.[2] ?? POD_FOLDER.exec(name)?.[1];
    if (uid !== undefined) return uid.replaceAll('_', '-');
  }
  return undefined;
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '');

const folder = (names: readonly string[], at: number): string => `/${names.slice(0, at).join('/')}`;
