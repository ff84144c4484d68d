import { type CgroupPlace, containerOf, unitOf, userUnitOf } from '../src/domain/cgroup-path';
import { unifiedPath } from '../src/domain/cgroup-text';
import { fileText } from '../src/domain/file-text';
import type { Attestor, Cgroups, Observation } from '../src/domain/attestation';

/** Where the process stands in the cgroup v2 tree (cgroup.md). Nothing is stated on a device that has no such tree. */
export const cgroupAttestor = (cgroups: Cgroups): Attestor => ({
  name: 'cgroup',
  attest(view) {
    const path = unifiedPath(view.read('cgroup'));
    if (path === undefined) return [];
    const id = view.cgroupId?.();
    // Whoever may move processes into a folder chooses what its name says of them; that is root where all folders above it are root's.
    const known = ({ within }: CgroupPlace): Observation['assurance'] => (cgroups.onlyRootMoves(within) ? 'observed' : 'declared');
    const unit = unitOf(path);
    const userUnit = userUnitOf(path);
    const container = containerOf(path);
    return [
      fact('path', fileText(path), 'observed'),
      ...(id === undefined ? [] : [fact('id', id, 'observed')]),
      ...(unit === undefined ? [] : [fact('unit', fileText(unit.name), known(unit))]),
      ...(unit?.slice === undefined ? [] : [fact('slice', fileText(unit.slice), known(unit))]),
      ...(userUnit === undefined ? [] : [fact('user_unit', fileText(userUnit), 'declared')]),
      ...(container === undefined
        ? []
        : [
            fact('container', container.id, known(container)),
            fact('runtime', container.runtime, known(container)),
            ...(container.pod === undefined ? [] : [fact('pod', container.pod, known(container))]),
          ]),
    ];
  },
});

const fact = (name: string, value: string, assurance: Observation['assurance']): Observation => ({ name, value, assurance });
