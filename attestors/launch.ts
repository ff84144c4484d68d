import type { ProcessAssurance } from '../src/domain/assurance';
import type { Attestor, Observation } from '../src/domain/ports';

/** Which launch the process belongs to, from the node's own record of it (launch.md). */
export const launchAttestor = (): Attestor => ({
  name: 'launch',
  attest(_view, { launch }) {
    if (launch === undefined) return [];
    // Only the launched process itself was pinned from its first instruction; of its descendants we know the ancestor.
    const pinned = launch.via === 'pinned';
    const known = (name: string, value: string, assurance: ProcessAssurance = 'observed'): Observation => ({
      name,
      value,
      assurance: pinned ? 'launched' : assurance,
    });
    return [
      known('id', launch.launchId),
      known('path', launch.programPath),
      known('sha256', launch.programSha256, 'measured'),
      known('user', launch.user),
      known('uid', String(launch.uid)),
      { name: 'name', value: launch.name, assurance: 'declared' },
    ];
  },
});
