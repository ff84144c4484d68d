import type { AttackCase, Need } from '../attack-case';

/**
 * A launched agent goes for what the issuer lives on: its files, its processes, its program. The kernel stands against it, so the run
 * without a guard is the same program in the hand of root.
 */
const reach = (name: string, deed: string, more: Partial<AttackCase> = {}): AttackCase => ({
  name,
  needs: ['ours'],
  marked: 'not separated',
  withoutGuard: { needs: ['root'], control: (field) => field.attack('promote.py', [deed], { hand: 'root' }) },
  attack: (field) => field.attack('promote.py', [deed], { launched: true }),
  ...more,
});

const PSQL: readonly Need[] = ['ours', 'psql'];
const plainDebugger: AttackCase['withoutGuard'] = { control: (field) => field.attack('promote.py', ['plain_debugger']) };

export const issuer: readonly AttackCase[] = [
  reach('key file of an authority', 'key_file'),
  reach('passwords of the database', 'secrets'),
  reach('embedded database as its owner', 'owner_of_database', { needs: PSQL }),
  reach('embedded database without a password', 'other_role', {
    needs: PSQL,
    withoutGuard: { needs: ['root'], control: (field) => field.attack('promote.py', ['owner_of_database'], { hand: 'root' }) },
  }),
  reach('ptrace of the server', 'trace_server'),
  reach('ptrace of the node', 'trace_node'),
  reach('memory of the server', 'memory_server'),
  reach('memory of the node', 'memory_node'),
  reach('descriptors of the server', 'descriptor_server'),
  reach('descriptors of the node', 'descriptor_node'),
  reach('environment of the server', 'environment_server'),
  reach('debugger of the server by SIGUSR1', 'debugger_server', { withoutGuard: plainDebugger }),
  reach('debugger of the node by SIGUSR1', 'debugger_node', { withoutGuard: plainDebugger }),
  reach('a file among the keys', 'write_state'),
  reach('mandate.yaml for the next start', 'config_file'),
  reach('a socket in place of the agent socket', 'squat'),
  reach('a link among the logs', 'symlink'),
  reach('the program that starts next', 'program'),
  reach('a signal to the server', 'stop_server'),
];
