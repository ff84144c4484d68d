import type { Confinement } from '../src/domain/confinement';
import type { Attestor, Observation, ProcessView } from '../src/domain/attestation';
import { compareLaunch, LAUNCH_PARTS, type LaunchMeasures } from '../src/domain/launch-measures';
import { statusField } from '../src/domain/proc-text';

/** Which launch the process belongs to, from the node's own record of it (launch.md). */
export const launchAttestor = (): Attestor => ({
  name: 'launch',
  conclude(facts, { launch }, gaps) {
    const measured = launch?.measured;
    if (launch === undefined || measured === undefined) return [];
    const blind = gaps.some((gap) => /^(script|agent):/.test(gap));
    const now = measured.runs ? compareLaunch(measured.measures, { ...measured, programSeen: launch.programSeen }, facts) : undefined;
    // What was seen to be another once stays so: by the time it is put back, it may have done what it did.
    const changed = LAUNCH_PARTS.filter(
      (part) => measured.changed?.includes(part) === true || (!blind && now?.changed.includes(part) === true),
    );
    const looked = now === undefined ? measured.changed !== undefined : now.whole && !blind;
    return [
      ...changed.map((part): Observation => ({ name: 'changed', value: part, assurance: 'observed' })),
      ...(changed.length > 0 || looked ? [{ name: 'unchanged', value: String(changed.length === 0), assurance: 'observed' } as const] : []),
    ];
  },
  attest(view, { launch, confinement, delivery }) {
    if (launch === undefined) return [];
    const known = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
    // The launcher's word until the launched process was seen running that very file: it could announce one program and execute another.
    const announced = (name: string, value: string): Observation => ({
      name,
      value,
      assurance: launch.programSeen ? 'measured' : 'declared',
    });
    return [
      known('id', launch.launchId),
      announced('path', launch.programPath),
      announced('sha256', launch.programSha256),
      known('user', launch.user),
      known('uid', String(launch.uid)),
      // The node's own act, and the kernel shows it of this very process.
      ...(launch.ownUid === 0 ? [] : [known('own_uid', String(view.uid === launch.ownUid))]),
      known('via', launch.via),
      { name: 'name', value: launch.name, assurance: 'declared' },
      ...(confinement === undefined ? [] : [confinementOf(view, confinement, launch.uid)]),
      ...measuredFacts(launch.measured?.measures),
      ...(delivery === 'files' ? [known('delivery', delivery)] : []),
    ];
  },
});

/** What was measured of the command before it ran; that the process runs just that script is known by its arguments alone. */
const measuredFacts = (measures: LaunchMeasures | undefined): readonly Observation[] => [
  ...(measures?.script ? [{ name: 'script_sha256', value: measures.script.sha256, assurance: 'declared' } as const] : []),
  ...(measures?.package ? [{ name: 'package', value: measures.package.name, assurance: 'declared' } as const] : []),
  ...(measures?.configuration ? [{ name: 'config_sha256', value: measures.configuration.sha256, assurance: 'declared' } as const] : []),
];

/**
 * The launcher's word. A domain of an ordinary user comes with no_new_privs, which nothing takes away again: a process of the launch
 * without it shows that there is none. Root enters a domain without.
 */
function confinementOf(view: ProcessView, { kind }: Confinement, launcherUid: number): Observation {
  const belied = kind === 'domain' && launcherUid !== 0 && statusField(view.read('status'), 'NoNewPrivs') !== '1';
  return { name: 'confinement', value: belied ? 'contradicted' : kind, assurance: 'declared' };
}
