import type { Confinement } from '../src/domain/confinement';
import type { Attestor, Observation, ProcessView } from '../src/domain/attestation';
import { statusField } from '../src/domain/proc-text';

/** Which launch the process belongs to, from the node's own record of it (launch.md). */
export const launchAttestor = (): Attestor => ({
  name: 'launch',
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
      known('via', launch.via),
      { name: 'name', value: launch.name, assurance: 'declared' },
      ...(confinement === undefined ? [] : [confinementOf(view, confinement, launch.uid)]),
      ...(delivery === 'files' ? [known('delivery', delivery)] : []),
    ];
  },
});

/**
 * The launcher's word. A domain of an ordinary user comes with no_new_privs, which nothing takes away again: a process of the launch
 * without it shows that there is none. Root enters a domain without.
 */
function confinementOf(view: ProcessView, { kind }: Confinement, launcherUid: number): Observation {
  const belied = kind === 'domain' && launcherUid !== 0 && statusField(view.read('status'), 'NoNewPrivs') !== '1';
  return { name: 'confinement', value: belied ? 'contradicted' : kind, assurance: 'declared' };
}
