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

const NO_HOLDERS: Open = { why: 'who else holds a connection is not looked at', closedBy: 'a scan of its holders' };
const SAME_UID: Open = { why: 'the kernel gives a process to its own uid', closedBy: 'a uid of its own, or an agent that is not dumpable' };
const NOT_LOOKED_AT: Open = {
  why: 'what was loaded into a program is not looked at',
  closedBy: 'facts about its integrity, required by a rule',
};
const OUTSIDE = 'who leaves the tree of a launch is taken for the person';

/**
 * Which attacks may succeed, in which mode: every other one has to be defeated. One table, tightened when what is named on the right is
 * there.
 */
export const OPEN: Readonly<Record<string, Partial<Record<Mode, Open>>>> = {
  'exec-swap late: within 5 ms of the request': BOTH(NO_HOLDERS),
  'descriptor passed in use, same uid': BOTH(NO_HOLDERS),
  'descriptor passed in use, other uid': BOTH(NO_HOLDERS),
  'connection inherited by a started program': BOTH(NO_HOLDERS),
  'connection shared after fork': BOTH(NO_HOLDERS),
  LD_PRELOAD: BOTH(NOT_LOOKED_AT),
  NODE_OPTIONS: BOTH(NOT_LOOKED_AT),
  'another script for a trusted interpreter': BOTH({
    why: 'the hash of an interpreter says nothing about its script',
    closedBy: 'facts about scripts, required by a rule',
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
  'a socket in place of the agent socket': OWN_USER('the folder is that of the uid'),
  'a link among the logs': OWN_USER('the folder is that of the uid'),
  'the program that starts next': {
    'own user': { why: 'a clone belongs to whoever made it', closedBy: 'a program that belongs to root', depends: true },
  },
  'rules apply after leaving the process tree': OWN_USER(OUTSIDE),
  'rules apply by a broker': OWN_USER(OUTSIDE),
  'rules apply from a shell start file': OWN_USER(OUTSIDE),
  "a person's launch after leaving the process tree": OWN_USER(OUTSIDE),
};
