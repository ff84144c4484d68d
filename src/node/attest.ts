import { asMandateError, MandateError } from '../domain/errors';
import { encodeEvidence, MAX_EVIDENCE_BYTES } from '../domain/evidence';
import type { Evidence, Fact } from '../domain/evidence';
import { MAX_VALUE_BYTES } from '../domain/file-text';
import type { OwnView } from './keepers';
import { asBefore, type LaunchGroup } from './launch-groups';
import type { AttestContext, Attestor, Observation, ProcessView } from '../domain/attestation';

/**
 * Everything the attestors can establish about one process, without its help, and its canonical bytes with their digest. `salt` is 128 random bits in hex; `ancestry` is what its
 * membership was decided by, so that facts and evidence show the same chain; `group` the control group of ours it stands in; `mounts` those that we gave
 * to its launch.
 *
 * An attestor that fails leaves a gap and no facts; which is safe because rules only ever ask for facts. Throws as
 * ProcessView.recheck does where the process is not what it was meanwhile, so that evidence is always about one program, and E_ATTEST_FAILED
 * above MAX_EVIDENCE_BYTES.
 */
export async function attest(
  view: ProcessView,
  attestors: readonly Attestor[],
  context: AttestContext,
  salt: string,
  ancestry = view.ancestors(),
  group?: LaunchGroup,
  mounts?: OwnView,
): Promise<{ readonly evidence: Evidence; readonly bytes: Buffer; readonly digest: string }> {
  const shown = asShown(view, ancestry, group, mounts);
  const gathered = await Promise.all(attestors.map((attestor) => gather(attestor, shown, context)));
  const gaps = gathered.flatMap(({ gap }) => gap ?? []);
  const facts = gathered.flatMap((one) => one.facts);
  const concluded = attestors.flatMap((attestor) =>
    (attestor.conclude?.(facts, context, gaps) ?? []).map((observation) => stamp(attestor.name, observation)),
  );
  const { chain, end } = ancestry;
  view.recheck();
  const evidence: Evidence = {
    v: 1,
    salt,
    processKey: view.key,
    pid: view.pid,
    uid: view.uid,
    gid: view.gid,
    startTicks: view.startTicks,
    facts: [...facts, ...concluded],
    ancestors: chain.map(({ key, pid, uid, exe }) => ({ key, pid, uid, exe })),
    chainEnd: end,
    gaps,
  };
  const { bytes, digest } = encodeEvidence(evidence);
  if (bytes.length > MAX_EVIDENCE_BYTES)
    throw new MandateError('E_ATTEST_FAILED', { saw: `${bytes.length} bytes of evidence`, why: `at most ${MAX_EVIDENCE_BYTES} are taken` });
  return { evidence, bytes, digest };
}

/**
 * The process as attestors see it: its chain is walked and each file and link read once, however many ask for it. One that stands in a group of ours is shown in the
 * one that its launch came from, which is what session and unit are known by; the id of ours would say nothing of either.
 */
const asShown = (
  view: ProcessView,
  ancestry: ReturnType<ProcessView['ancestors']>,
  group: LaunchGroup | undefined,
  mounts: OwnView | undefined,
): ProcessView => ({
  key: view.key,
  pid: view.pid,
  uid: view.uid,
  gid: view.gid,
  startTicks: view.startTicks,
  alive: () => view.alive(),
  recheck: () => view.recheck(),
  read: once((file) => (group && file === 'cgroup' ? asBefore(view.read(file), group) : view.read(file))),
  link: once((name) => view.link(name)),
  openExe: () => view.openExe(),
  openFolder: () => view.openFolder(),
  image: view.image,
  ancestors: () => ancestry,
  ...(!group && view.cgroupId && { cgroupId: () => view.cgroupId?.() }),
  ...(view.sameMounts && { sameMounts: () => view.sameMounts?.() === true || shownByOurs(view, mounts) }),
});

/**
 * True where the process sees the mounts that we gave to its launch, which it cannot change, and its program lies where they lead to the same
 * as ours. Whoever makes mounts of its own in there is in others.
 */
const shownByOurs = (view: ProcessView, mounts: OwnView | undefined): boolean =>
  mounts !== undefined && view.link('ns/mnt') === mounts.mounts && mounts.shows(view.link('exe'));

function once(read: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const text = known.get(name) ?? read(name);
    known.set(name, text);
    return text;
  };
}

async function gather(
  attestor: Attestor,
  view: ProcessView,
  context: AttestContext,
): Promise<{ readonly facts: readonly Fact[]; readonly gap?: string }> {
  try {
    const observations = await attestor.attest(view, context);
    return { facts: observations.map((observation) => stamp(attestor.name, observation)) };
  } catch (thrown) {
    const { code } = asMandateError(thrown);
    if (code === 'E_PEER_GONE') throw thrown;
    return { facts: [], gap: `${attestor.name}:${code}` };
  }
}

/** The host names the source, so that one attestor cannot speak for another. */
function stamp(source: string, { name, value, assurance }: Observation): Fact {
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES || !value.isWellFormed()) {
    throw new MandateError('E_ATTEST_FAILED', { saw: `${source}.${name} is longer than ${MAX_VALUE_BYTES} bytes or not well formed` });
  }
  return { type: typeOf(source, name), value, assurance };
}

/** One text for each, however many processes are looked at: they are compared with each other time and again. */
const types = new Map<string, Map<string, string>>();

function typeOf(source: string, name: string): string {
  let ofSource = types.get(source);
  if (ofSource === undefined) types.set(source, (ofSource = new Map<string, string>()));
  let type = ofSource.get(name);
  if (type === undefined) ofSource.set(name, (type = `${source}.${name}`));
  return type;
}
