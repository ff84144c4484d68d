import type { AttackCase } from '../attack-case';
import { identityAt } from '../won';

/** A trusted program holds an SVID; another process takes key and certificate out of its memory, or asks on its connection. */
const sameUid = (name: string, how: string): AttackCase => ({ name, attack: (field) => field.attack('theft.py', [how]) });

/** The kernel stands against a thief of another uid; of the same uid, the same thief succeeds. */
const otherUid = (name: string, how: string): AttackCase => ({
  name,
  needs: ['root', 'other user'],
  withoutGuard: { control: (field) => field.attack('theft.py', [how]) },
  attack: (field) => field.attack('theft.py', [how, String(field.otherUid)], { hand: 'root' }),
});

/** An agent as the thief: its domain stands against it, so it succeeds when it is launched without one. */
const byAgent = (name: string, how: string): AttackCase => ({
  name: `${name}, by a launched agent`,
  needs: ['ours'],
  withoutGuard: { control: (field) => field.attack('theft.py', [how, '', 'unconfined']) },
  attack: (field) => field.attack('theft.py', [how, '', 'agent']),
});

/** A holder that is not dumpable, which the node attests as root. The control is the holder that is. */
const hidden = (name: string, how: string): AttackCase => ({
  name: `${name}, same uid, holder not dumpable`,
  needs: ['ours'],
  only: 'installed',
  withoutGuard: { control: (field) => field.attack('theft.py', [how]) },
  attack: (field) => field.attack('theft.py', [how, '', 'hidden']),
});

export const theft: readonly AttackCase[] = [
  sameUid('theft from /proc/PID/mem, same uid', 'memory'),
  sameUid('theft by process_vm_readv, same uid', 'vm'),
  sameUid('theft by ptrace, same uid', 'traced'),
  sameUid('theft of the connection by pidfd_getfd, same uid', 'descriptor'),
  {
    name: "theft of a launched agent's SVID, same uid",
    needs: ['ours'],
    won: identityAt('/launched'),
    attack: (field) => field.attack('theft.py', ['memory', '', 'launched']),
  },
  byAgent('theft from /proc/PID/mem', 'memory'),
  byAgent('theft by process_vm_readv', 'vm'),
  byAgent('theft by ptrace', 'traced'),
  byAgent('theft of the connection by pidfd_getfd', 'descriptor'),
  hidden('theft from /proc/PID/mem', 'memory'),
  hidden('theft by ptrace', 'traced'),
  hidden('theft of the connection by pidfd_getfd', 'descriptor'),
  otherUid('theft from /proc/PID/mem, other uid', 'memory'),
  otherUid('theft by ptrace, other uid', 'traced'),
  otherUid('theft of the connection by pidfd_getfd, other uid', 'descriptor'),
];
