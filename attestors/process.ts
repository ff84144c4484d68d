import { MandateError } from '../src/domain/errors';
import type { Attestor, Observation } from '../src/domain/attestation';
import { parseStat } from '../src/domain/proc-text';

/** What the process was started by, where, and when (process.md). */
export const processAttestor = (): Attestor => ({
  name: 'process',
  attest(view) {
    const stat = parseStat(view.read('stat'));
    if (stat === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: '/proc/PID/stat is cut short' });
    // An ancestor whose program may not be read is one we can say nothing about: no fact, rather than an empty one.
    const { chain } = view.ancestors();
    const [parent] = chain;
    const readable = chain.filter(({ exe }) => exe !== '');
    return [
      ...(parent !== undefined && parent.exe !== '' ? [fact('parent', parent.exe, parent.sameMounts)] : []),
      ...readable.map(({ exe, sameMounts }) => fact('ancestor', exe, sameMounts)),
      ...(stat.tty !== 0 ? [fact('tty', String(stat.tty))] : []),
      fact('start_ticks', stat.startTicks),
    ];
  },
});

/** A path shown for a process with mounts of its own is that process's word. */
const fact = (name: string, value: string, sameMounts = true): Observation => ({
  name,
  value,
  assurance: sameMounts ? 'observed' : 'declared',
});
