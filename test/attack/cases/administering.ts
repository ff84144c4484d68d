import { once } from 'node:events';
import path from 'node:path';
import type { AttackCase, Need, Obtained } from '../attack-case';
import type { Field } from '../field';
import { NO_AGENT_CHECK, NO_AGENT_STOP_CHECK, NO_DEPTH_CHECK } from '../guards';
import { identityAt } from '../won';

/** A launched agent tries to administer, or to start an agent that a person seems to have started. */
const asAgent = (field: Field, deed: string): Promise<readonly Obtained[]> => field.attack('promote.py', [deed], { launched: true });

const verb = (name: string, deed: string): AttackCase => ({
  name,
  needs: ['ours'],
  withoutGuard: { patches: [NO_AGENT_CHECK] },
  attack: (field) => asAgent(field, deed),
});

/** Outside every launch, in the hand of who administers: the verb works, so it was refused for who asked. */
const verbByRoot = (name: string, deed: string, needs: AttackCase['needs'] = ['ours']): AttackCase => ({
  name,
  needs,
  withoutGuard: { needs: ['root'], control: (field) => field.attack('promote.py', [deed], { hand: 'root' }) },
  attack: (field) => asAgent(field, deed),
});

/** By an account that may administer, outside every launch: as an ordinary user that is whoever gets that far. */
const APPLIED_BY_ROOT: AttackCase['withoutGuard'] = {
  needs: ['root'],
  control: (field) => field.attack('promote.py', ['apply_rule'], { hand: 'root' }),
};

const throughOther = (name: string, needs: readonly Need[], attack: AttackCase['attack']): AttackCase => ({
  name,
  needs: ['ours', ...needs],
  marked: 'not separated',
  withoutGuard: APPLIED_BY_ROOT,
  attack,
});

/** By a process that ran before the launch, as a tmux server does. */
async function byBroker(field: Field, deed: string): Promise<readonly Obtained[]> {
  const env = { ATTACK_BROKER: path.join(field.folder, `broker-${deed}`) };
  const broker = field.start('/usr/bin/python3', [field.script('promote.py'), 'serve'], { env });
  await once(broker.stdout!, 'data');
  return field.attack('promote.py', [deed], { launched: true, env });
}

/** By a tmux of the person's that ran before the launch. */
async function byTmux(field: Field): Promise<readonly Obtained[]> {
  const env = { ATTACK_BROKER: path.join(field.folder, 'tmux') };
  const started = field.start('tmux', ['-S', env.ATTACK_BROKER, '-f', '/dev/null', 'new-session', '-d'], { env });
  await once(started, 'exit');
  try {
    return await field.attack('promote.py', ['by_tmux'], { launched: true, env });
  } finally {
    await once(field.start('tmux', ['-S', env.ATTACK_BROKER, 'kill-server'], { env }), 'exit');
  }
}

/** One agent ends another one of the same person. */
async function stopping(field: Field): Promise<readonly Obtained[]> {
  const victim = field.start('/bin/sh', ['-c', 'echo runs; exec sleep 60'], { launched: true });
  try {
    await once(victim.stdout!, 'data');
    return await field.attack('promote.py', ['stop_agent'], { launched: true, env: { ATTACK_VICTIM: String(victim.pid) } });
  } finally {
    victim.kill('SIGKILL');
  }
}

/** Left for the person's next shell. */
async function byStartFile(field: Field): Promise<readonly Obtained[]> {
  await field.attack('promote.py', ['start_file'], { launched: true, trials: 0 });
  return field.run('bash', ['-i', '-c', ':'], 1);
}

export const administering: readonly AttackCase[] = [
  verb('rules apply', 'apply_rule'),
  verb('rules apply on a terminal of its own', 'terminal_apply'),
  { ...verb('rules apply below more shells than are followed', 'deep_apply'), withoutGuard: { patches: [NO_AGENT_CHECK, NO_DEPTH_CHECK] } },
  verb('manifest add', 'add_manifest'),
  { name: 'agents stop', needs: ['ours'], withoutGuard: { patches: [NO_AGENT_STOP_CHECK] }, attack: stopping },
  verbByRoot('db psql', 'database_shell', ['ours', 'psql']),
  verbByRoot('db migrate', 'migrate'),
  throughOther('rules apply after leaving the process tree', [], (field) => asAgent(field, 'detached_apply')),
  throughOther('rules apply by a broker', [], (field) => byBroker(field, 'broker_apply')),
  throughOther('rules apply by a running tmux', ['tmux'], byTmux),
  throughOther('rules apply by systemd --user', ['systemd --user'], (field) => asAgent(field, 'systemd_apply')),
  throughOther('rules apply by ssh to itself', ['ssh to itself'], (field) => asAgent(field, 'ssh_apply')),
  throughOther('rules apply from a shell start file', ['bash'], byStartFile),
  {
    name: "a launch's identity by a broker",
    needs: ['ours'],
    won: identityAt('/launched'),
    withoutGuard: { control: (field) => asAgent(field, 'ask_plainly') },
    attack: (field) => byBroker(field, 'broker_ask'),
  },
  {
    name: "a person's launch from a terminal of its own",
    needs: ['ours'],
    won: identityAt('/person'),
    withoutGuard: { control: (field) => field.attack('promote.py', ['own_terminal']) },
    attack: (field) => asAgent(field, 'own_terminal'),
  },
  {
    name: "a person's launch after leaving the process tree",
    needs: ['ours'],
    won: identityAt('/person'),
    attack: (field) => asAgent(field, 'detached_terminal'),
  },
];

/** Ends the Mandate that it is tried on, where nothing stands against it: so it comes last. */
export const down: AttackCase = verb('down', 'end_it');
