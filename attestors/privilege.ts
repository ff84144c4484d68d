import { MandateError } from '../src/domain/errors';
import type { Attestor, Observation } from '../src/domain/attestation';
import { reachingCapabilities, type RootWay } from '../src/domain/privilege';
import { statusField, statusGroups } from '../src/domain/proc-text';

/** Standing ways to root of an account with these groups (system/root-ways.ts). */
export interface AccountWays {
  of(uid: number, gids: readonly number[]): readonly RootWay[];
}

/** Whether the process could reach an issuer that runs under other uids: capabilities, and standing ways to root (privilege.md). */
export const privilegeAttestor = (ways: AccountWays): Attestor => ({
  name: 'privilege',
  attest(view) {
    const status = view.read('status');
    const capabilities = reachingCapabilities(statusField(status, 'CapEff'));
    if (capabilities === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: 'no CapEff in /proc/PID/status' });
    const rootWays = ways.of(view.uid, [view.gid, ...statusGroups(status)]);
    return [...facts('capabilities', capabilities), ...facts('root_way', rootWays)];
  },
});

/** None is stated as well: a fact that is missing was not looked for. */
const facts = (name: string, values: readonly string[]): Observation[] =>
  (values.length === 0 ? ['none'] : values).map((value) => ({ name, value, assurance: 'observed' }));
