import { atLogin, judgeAdministrator, type SessionHop } from '../../src/domain/administration';

const [PTS, MADE] = [0x8803, 0x8805];
const hop = (name: string, uid: number, tty: number, realUid = uid): SessionHop => ({ name, realUid, effectiveUid: uid, tty });
const mandate = hop('node', 1000, PTS);
const shell = hop('bash', 1000, PTS);
const init = hop('systemd', 0, 0);

const LOGINS: readonly (readonly [string, readonly SessionHop[]])[] = [
  ['a console', [mandate, shell, hop('login', 0, PTS), init]],
  ['ssh, whose relay has no terminal', [mandate, shell, hop('sshd', 1000, 0), hop('sshd', 0, 0), hop('sshd', 0, 0), init]],
  ['ssh since OpenSSH 9.8', [mandate, shell, hop('sshd-session', 1000, 0), hop('sshd-session', 0, 0), hop('sshd', 0, 0), init]],
  ['su by root', [mandate, shell, hop('su', 0, PTS), hop('bash', 0, PTS), hop('login', 0, PTS), init]],
  ['a shell in a shell', [mandate, shell, hop('make', 1000, PTS), shell, hop('login', 0, PTS), init]],
];

const NOT_LOGINS: readonly (readonly [string, readonly SessionHop[]])[] = [
  ['nobody seen', []],
  ['no terminal', [hop('node', 1000, 0), hop('sh', 1000, 0), hop('login', 0, PTS), init]],
  ['handed to init', [mandate, shell, init]],
  ['a tmux server', [mandate, shell, hop('tmux: server', 1000, 0), init]],
  ['systemd --user', [mandate, shell, hop('gnome-terminal-', 1000, 0), hop('systemd', 1000, 0), init]],
  ['an editor of a login', [mandate, shell, hop('code', 1000, 0), hop('bash', 1000, MADE), hop('login', 0, MADE), init]],
  [
    'a terminal that a program of the login made',
    [mandate, hop('script', 1000, MADE), hop('bash', 1000, MADE), hop('login', 0, MADE), init],
  ],
  ['a job of cron that makes a terminal', [mandate, shell, hop('script', 1000, 0), hop('sh', 1000, 0), hop('cron', 0, 0), init]],
  ['a job of cron on a terminal of its own', [mandate, shell, hop('cron', 0, 0), init]],
  ['a relay below another program than sshd', [mandate, shell, hop('login', 1000, 0), hop('login', 0, 0), init]],
  ['a relay that is not one of sshd', [mandate, shell, hop('evil', 1000, 0), hop('sshd', 0, 0), init]],
  ['two relays', [mandate, shell, hop('sshd', 1000, 0), hop('sshd', 1000, 0), hop('sshd', 0, 0), init]],
  ['no process of the terminal but the login', [hop('login', 0, PTS), init]],
  ['a set-uid program called login', [mandate, shell, hop('login', 0, PTS, 1000), init]],
  ['a program of the user called login', [mandate, shell, hop('login', 1000, PTS), init]],
  ['sudo, which is root whoever ran it', [mandate, hop('sudo', 0, PTS), shell, init]],
];

test.each(LOGINS)('at a login: %s', (_, hops) => expect(atLogin(hops)).toBe(true));
test.each(NOT_LOGINS)('not at a login: %s', (_, hops) => expect(atLogin(hops)).toBe(false));

const SESSIONS = { login: LOGINS[0]![1], broker: NOT_LOGINS[3]![1], none: [hop('node', 1000, 0), init], unreadable: [] };
const own = { installed: false, ownUid: 1000 };
const installed = { installed: true, ownUid: 998 };

test.each([
  // mode, uid, agent, session, scripts allowed, decision
  ['own', own, 1000, false, 'login', false, 'login'],
  ['own', own, 1000, false, 'login', true, 'login'],
  ['own', own, 1000, false, 'broker', false, 'unproven'],
  ['own', own, 1000, false, 'none', false, 'E_ADMIN_TERMINAL'],
  ['own', own, 1000, false, 'unreadable', false, 'E_ADMIN_TERMINAL'],
  ['own', own, 1000, false, 'none', true, 'scripted'],
  ['own', own, 1001, false, 'login', true, 'E_NOT_ADMIN'],
  ['own', own, 0, false, 'none', false, null],
  ['installed', installed, 0, false, 'none', false, null],
  ['installed', installed, 0, false, 'login', true, null],
  ['installed', installed, 1000, false, 'login', true, 'E_NOT_ADMIN'],
  ['installed', installed, 998, false, 'login', true, 'E_NOT_ADMIN'],
] as const)('%s: %j, uid %d, agent %s, session %s, scripts %s: %s', (_, mode, uid, agent, session, allowScripted, wanted) => {
  const decide = (agent: boolean) => judgeAdministrator({ uid, agent, session: () => SESSIONS[session] }, { ...mode, allowScripted });
  const decision = decide(agent);
  expect(decision.administrator ? decision.person : decision.code).toBe(wanted);
  // Nothing makes up for being an agent: neither uid 0, nor a terminal, nor the configuration.
  expect(decide(true)).toEqual({ administrator: false, code: 'E_AGENT_NOT_ADMIN' });
});
