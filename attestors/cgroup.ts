import { fileText } from '../src/domain/file-text';
import type { Attestor, Observation } from '../src/domain/ports';

const UNIFIED = '0::';
const UNIT = /\.(service|scope)$/;

/** Where the process stands in the cgroup v2 tree (cgroup.md). Nothing is stated on a device that has no such tree. */
export const cgroupAttestor = (): Attestor => ({
  name: 'cgroup',
  attest(view) {
    const path = view
      .read('cgroup')
      .split('\n')
      .find((line) => line.startsWith(UNIFIED))
      ?.slice(UNIFIED.length);
    if (path === undefined || path === '') return [];
    const id = view.cgroupId?.();
    // The outermost unit is named by the system manager; below it a user who was given the tree may choose any name.
    const unit = path.split('/').find((name) => UNIT.test(name));
    return [
      fact('path', fileText(path)),
      ...(id === undefined ? [] : [fact('id', id)]),
      ...(unit === undefined ? [] : [fact('unit', fileText(unit))]),
    ];
  },
});

const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
