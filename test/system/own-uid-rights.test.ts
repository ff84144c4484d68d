import { whyNoOwnUids } from '../../src/system/own-uid-rights';

const status = (capabilities: string): string => `Name:\tnode\nUmask:\t0022\nCapEff:\t${capabilities}\nSeccomp:\t0\n`;

test.each([
  ['root', 0, '000001ffffffffff', ''],
  ['an ordinary user', 1000, '0000000000000000', 'the node does not run as root'],
  // CAP_DAC_READ_SEARCH, CAP_KILL and CAP_SYS_PTRACE, as the unit of `mandate install` has them.
  ['root with what the unit leaves', 0, '0000000000080024', 'the node runs without CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN'],
  [
    'root with nothing that can be read',
    0,
    'x',
    'the node runs without CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_PTRACE',
  ],
])('%s', (_who, uid, capabilities, why) => expect(whyNoOwnUids(uid, status(capabilities))).toBe(why));
