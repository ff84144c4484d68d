import type { Mode } from './attack-case';

/** Why an attack is open for now, and what closes it. */
export interface Open {
  readonly why: string;
  readonly closedBy: string;
  /** Whether it succeeds depends on the machine as well, so that it does not is no reason to take it from the list. */
  readonly depends?: true;
}

const BOTH = (open: Open): Partial<Record<Mode, Open>> => ({ installed: open, 'own user': open, foreign: open });
const OWN_USER = (why: string): Partial<Record<Mode, Open>> => ({ 'own user': { why, closedBy: 'installed mode' } });

const NO_HOLDERS: Open = { why: 'who else holds a connection is not looked at', closedBy: 'a rule that requires sole holders' };
const UNSEEN_READ: Open = { why: 'a read under way needs no descriptor', closedBy: 'a uid or a launch of its own for the agent' };
const SAME_UID: Open = { why: 'the kernel gives a process to its own uid', closedBy: 'a uid of its own, or an agent that is not dumpable' };
const OWN_ACCOUNT = 'a rule with an account of its own';
const HASH_ALONE: Open = { why: 'a rule by hash asks for nothing else', closedBy: 'a rule without foreign code' };
const NOT_MAPPED: Open = { why: 'what it loads is read, never mapped from a file', closedBy: OWN_ACCOUNT };
const NO_SESSIONS = 'whoever starts processes for the person is taken for the person';
const OUTSIDE = 'who leaves the tree of a launch is taken for the person';

/**
 * Which attacks may succeed, in which mode: every other one has to be defeated. One table, tightened when what is named on the right is
 * there.
 */
export const OPEN: Readonly<Record<string, Partial<Record<Mode, Open>>>> = {
  'exec-swap late: within 5 ms of the request': BOTH(NO_HOLDERS),
  'exec-swap late: the connection on its way to another process': BOTH(NO_HOLDERS),
  'exec-swap late: a read begun before its descriptor was closed': BOTH(NO_HOLDERS),
  'exec-swap late: a read begun before its descriptor was closed, under a rule for sole holders': { installed: UNSEEN_READ },
  'descriptor passed in use, same uid': BOTH(NO_HOLDERS),
  'descriptor passed in use, other uid': BOTH(NO_HOLDERS),
  'connection inherited by a started program': BOTH(NO_HOLDERS),
  'connection shared after fork': BOTH(NO_HOLDERS),
  'another program shown as its own': BOTH({
    why: 'in a user namespace the kernel lets everybody set what a process shows as its program',
    closedBy: OWN_ACCOUNT,
    depends: true,
  }),
  LD_PRELOAD: BOTH(HASH_ALONE),
  'LD_PRELOAD that leaves no mapping, rule without foreign code': BOTH({
    why: 'it puts its code into memory that is of no file',
    closedBy: OWN_ACCOUNT,
  }),
  NODE_OPTIONS: BOTH(NOT_MAPPED),
  'NODE_OPTIONS, rule without foreign code': BOTH(NOT_MAPPED),
  'another script for a trusted interpreter': BOTH({
    why: 'the hash of an interpreter says nothing about its script',
    closedBy: OWN_ACCOUNT,
  }),
  'theft from /proc/PID/mem, same uid': BOTH(SAME_UID),
  'theft by process_vm_readv, same uid': BOTH(SAME_UID),
  'theft by ptrace, same uid': BOTH(SAME_UID),
  'theft of the connection by pidfd_getfd, same uid': BOTH(SAME_UID),
  "theft of a launched agent's SVID, same uid": BOTH(SAME_UID),
  'key file of an authority': OWN_USER('the files are those of the uid'),
  'passwords of the database': OWN_USER('the files are those of the uid'),
  'embedded database as its owner': OWN_USER('its password lies in a file of the uid'),
  'a file among the keys': OWN_USER('the folder is that of the uid'),
  'mandate.yaml for the next start': OWN_USER('the file is that of the uid'),
  'leaving a launch by double fork and setsid': OWN_USER('launches have no control group'),
  'a socket in place of the agent socket': OWN_USER('the folder is that of the uid'),
  'a link among the logs': OWN_USER('the folder is that of the uid'),
  'the program that starts next': {
    'own user': { why: 'a clone belongs to whoever made it', closedBy: 'a program that belongs to root', depends: true },
  },
  'rules apply after leaving the process tree': OWN_USER(OUTSIDE),
  'rules apply by a broker': OWN_USER(OUTSIDE),
  'rules apply by a running tmux': OWN_USER(NO_SESSIONS),
  'rules apply by systemd --user': OWN_USER(NO_SESSIONS),
  'rules apply by ssh to itself': OWN_USER(NO_SESSIONS),
  'rules apply from a shell start file': OWN_USER(OUTSIDE),
  "a person's launch after leaving the process tree": OWN_USER(OUTSIDE),
};
