import { once } from 'node:events';
import path from 'node:path';
import type { AttackCase, Obtained } from '../attack-case';
import type { Field } from '../field';
import { NO_AGENT_CHECK } from '../guards';
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

/** By a process that ran before the launch, as a tmux server does. */
async function byBroker(field: Field, deed: string): Promise<readonly Obtained[]> {
  const env = { ATTACK_BROKER: path.join(field.folder, `broker-${deed}`) };
  const broker = field.start('/usr/bin/python3', [field.script('promote.py'), 'serve'], { env });
  await once(broker.stdout!, 'data');
  return field.attack('promote.py', [deed], { launched: true, env });
}

/** Left for the person's next shell. */
async function byStartFile(field: Field): Promise<readonly Obtained[]> {
  await field.attack('promote.py', ['start_file'], { launched: true, trials: 0 });
  return field.run('bash', ['-i', '-c', ':'], 1);
}

export const administering: readonly AttackCase[] = [
  verb('rules apply', 'apply_rule'),
  verbByRoot('db psql', 'database_shell', ['ours', 'psql']),
  verbByRoot('db migrate', 'migrate'),
  {
    name: 'rules apply after leaving the process tree',
    needs: ['ours'],
    marked: 'not separated',
    attack: (field) => asAgent(field, 'detached_apply'),
  },
  { name: 'rules apply by a broker', needs: ['ours'], marked: 'not separated', attack: (field) => byBroker(field, 'broker_apply') },
  { name: 'rules apply from a shell start file', needs: ['ours', 'bash'], marked: 'not separated', attack: byStartFile },
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
