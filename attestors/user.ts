import type { Accounts, Attestor, Observation, ProcessView } from '../src/domain/attestation';
import { asMandateError, MandateError } from '../src/domain/errors';
import { parseStat, statusGroups } from '../src/domain/proc-text';

/** More than this many supplementary groups are not stated; evidence is bounded. */
const MAX_GROUPS = 256;

/** What the kernel shows of a login id or audit session that was never set. */
const UNSET = '4294967295';

/**
 * Who the process runs as: effective user and group, its supplementary groups, and what is known of a login (user.md). `auditing`: the kernel keeps
 * logins at all; looking in vain at each newcomer would cost as much as all that is found.
 */
export const userAttestor = (accounts: Accounts, auditing = true): Attestor => ({
  name: 'user',
  attest(view) {
    const { uid, gid } = view;
    const groups = statusGroups(view.read('status'));
    return [
      fact('uid', String(uid)),
      fact('gid', String(gid)),
      fact('name', accounts.userName(uid) ?? `uid-${uid}`),
      ...named('group', accounts.groupName(gid)),
      ...groups
        .slice(0, MAX_GROUPS)
        .flatMap((id) => [fact('supplementary_gid', String(id)), ...named('supplementary_group', accounts.groupName(id))]),
      ...session(view),
      ...(auditing ? login(view) : []),
    ];
  },
});

function session(view: ProcessView): Observation[] {
  const stat = parseStat(view.read('stat'));
  if (stat === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: '/proc/PID/stat is cut short' });
  return [fact('session_leader', String(stat.session === view.pid)), fact('terminal', String(stat.tty !== 0))];
}

/**
 * Where no login set it, a process may write any user id there, once. So it is known only where it says what the kernel says anyway, and
 * root is never believed of anybody else. A kernel without audit has neither file.
 */
function login(view: ProcessView): Observation[] {
  const uid = idOf(view, 'loginuid');
  if (uid === undefined || (uid === '0' && view.uid !== 0)) return [];
  const audit = idOf(view, 'sessionid');
  const assurance = uid === String(view.uid) ? 'observed' : 'declared';
  return [
    { name: 'login_uid', value: uid, assurance },
    ...(audit === undefined ? [] : [{ name: 'login_session', value: audit, assurance } as const]),
  ];
}

function idOf(view: ProcessView, file: string): string | undefined {
  let text: string;
  try {
    text = view.read(file).trim();
  } catch (thrown) {
    if (asMandateError(thrown).code === 'E_PEER_GONE') throw thrown;
    return undefined;
  }
  return /^\d{1,10}$/.test(text) && text !== UNSET ? text : undefined;
}

const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
const named = (name: string, value: string | undefined): Observation[] => (value === undefined ? [] : [fact(name, value)]);
