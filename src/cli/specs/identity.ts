import { EXIT } from '../../domain/errors';
import type { CommandSpec } from './spec';
import type * as RunModule from '../commands/run';
import type * as SvidModule from '../commands/svid';
import type * as VerifyModule from '../commands/verify';

export const IDENTITY: readonly CommandSpec[] = [
  {
    path: ['run'],
    operands: '<command...>',
    sentence: 'Start a command as an agent with an identity of its own.',
    examples: [
      ['run -- claude', 'an agent in your name'],
      ['run --name reporter --task "weekly report" -- ./report.py --all', 'named, so that people recognise it'],
      ['run --as-user --project ~/site -- my-agent', 'under a uid of its own, with one folder of yours'],
    ],
    options: [
      {
        title: 'Options',
        options: [
          { flags: '--name <name>', text: 'name of the agent for people; letters, digits, . _ -' },
          { flags: '--task <text>', text: 'what it is for; recorded as declared' },
          { flags: '--files <dir>', text: 'keep SVID, key and bundle fresh as PEM files in dir, for programs without the socket' },
          { flags: '--as-user', text: 'under a uid of its own, your home folder out of reach (needs a root node)' },
          { flags: '--project <dir>', text: 'with --as-user: the folder it shares with you; by default this one' },
          {
            flags: '--env <name>',
            text: 'with --as-user: pass this variable on; secrets such as SSH_AUTH_SOCK are not',
            repeatable: true,
          },
          { flags: '--no-confine', text: 'without a domain of its own: for sudo and other set-uid programs in it' },
        ],
      },
    ],
    exits: [
      [EXIT.runFailed, 'mandate itself failed, nothing was started'],
      [EXIT.notExecutable, 'the command cannot be executed'],
      [EXIT.commandNotFound, 'the command was not found; any other code is its own'],
    ],
    topic: 'assurance',
    passThrough: true,
    failuresExit: EXIT.runFailed,
    load: () => (require('../commands/run') as typeof RunModule).run,
  },
  {
    path: ['svid'],
    operands: '',
    sentence: 'Fetch the SVIDs of this process.',
    examples: [
      ['svid', 'SPIFFE ID, serial and validity'],
      ['svid --jwt --audience https://git.acme.example', 'a bare JWT-SVID on stdout'],
      ['svid --wait 30', 'wait until a rule gives this process an identity'],
    ],
    options: [
      {
        title: 'Options',
        options: [
          { flags: '--jwt', text: 'a fresh JWT-SVID instead of the X509-SVIDs' },
          { flags: '--audience <audience>', text: 'who shall accept the JWT-SVID; may be repeated', repeatable: true },
          { flags: '--wait [seconds]', text: 'wait for an identity instead of being refused' },
        ],
      },
    ],
    exits: [
      [3, 'refused: no identity for this process'],
      [5, 'nothing answers'],
      [8, 'no identity in the time given'],
    ],
    topic: 'assurance',
    load: () => (require('../commands/svid') as typeof SvidModule).svid,
  },
  {
    path: ['verify'],
    operands: '[file]',
    sentence: 'Verify an X509-SVID chain (PEM) or a JWT-SVID against a bundle.',
    examples: [
      ['verify --id spiffe://acme.example/agent/ana chain.pem', 'an X509-SVID of exactly this agent'],
      ['verify --any-agent --audience https://git.acme.example -', 'a JWT-SVID from standard input'],
      ['verify --id spiffe://acme.example/agent/ana --bundle bundle.pem chain.pem', 'without a running mandate'],
    ],
    options: [
      {
        title: 'Who it must be (one of them)',
        options: [
          { flags: '--id <spiffe-id>', text: 'exactly this SPIFFE ID; may be repeated', repeatable: true },
          { flags: '--any-agent', text: 'anybody this trust domain gave an identity to' },
        ],
      },
      {
        title: 'Options',
        options: [
          { flags: '--audience <audience>', text: 'audience a JWT-SVID must name' },
          { flags: '--bundle <file>', text: 'PEM, SPIFFE bundle, bundle map or JWK Set; without it the running service is asked' },
        ],
      },
    ],
    exits: [
      [5, 'no --bundle, and nothing answers'],
      [6, 'it did not verify'],
    ],
    topic: 'security',
    load: () => (require('../commands/verify') as typeof VerifyModule).verify,
  },
];
