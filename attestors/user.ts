import type { Accounts, Attestor, Observation } from '../src/domain/ports';
import { statusField } from '../src/domain/proc-text';

/** More than this many supplementary groups are not stated; evidence is bounded. */
const MAX_GROUPS = 256;

/** Who the process runs as: effective user and group, and its supplementary groups (user.md). */
export const userAttestor = (accounts: Accounts): Attestor => ({
  name: 'user',
  attest(view) {
    const { uid, gid } = view;
    const groups = (statusField(view.read('status'), 'Groups') ?? '').split(' ').filter((id) => /^\d+$/.test(id));
    return [
      fact('uid', String(uid)),
      fact('gid', String(gid)),
      fact('name', accounts.userName(uid) ?? `uid-${uid}`),
      ...named('group', accounts.groupName(gid)),
      ...groups
        .slice(0, MAX_GROUPS)
        .flatMap((id) => [fact('supplementary_gid', id), ...named('supplementary_group', accounts.groupName(Number(id)))]),
    ];
  },
});

const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
const named = (name: string, value: string | undefined): Observation[] => (value === undefined ? [] : [fact(name, value)]);
