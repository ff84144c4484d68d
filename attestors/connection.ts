import type { Attestor, Observation } from '../src/domain/attestation';
import { MAX_NAMED_PIDS } from '../src/domain/connection';

/** Who holds the connections that the process asks on, where a rule asked for it (connection.md). */
export const connectionAttestor = (): Attestor => ({
  name: 'connection',
  attest(_view, { connection }) {
    if (connection === undefined) return [];
    const known = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
    return [
      known('holders', connection.holding),
      ...connection.pids.slice(0, MAX_NAMED_PIDS).map((pid) => known('other_pid', String(pid))),
    ];
  },
});
