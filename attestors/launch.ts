import type { Attestor, Observation } from '../src/domain/ports';

/** Which launch the process belongs to, from the node's own record of it (launch.md). */
export const launchAttestor = (): Attestor => ({
  name: 'launch',
  attest(_view, { launch }) {
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
    ];
  },
});
