import { CONFIG_OPTION } from '../config-place';
import { PASSPHRASE_OPTIONS } from '../passphrase';
import type { CommandSpec } from './spec';
import type * as UpModule from '../commands/up';
import type * as DownModule from '../commands/down';
import type * as StatusModule from '../commands/status';
import type * as DoctorModule from '../commands/doctor';
import type * as VersionModule from '../commands/version';
import type * as HelpModule from '../commands/help';

export const SERVICE: readonly CommandSpec[] = [
  {
    path: ['up'],
    operands: '',
    sentence: 'Start mandate on this machine: server, node and a private PostgreSQL, until Ctrl-C.',
    examples: [
      ['up', 'in the foreground, on a database of its own'],
      ['up -d', 'in the background; returns when it is ready'],
      ['up --db postgres://mandate_server@db.internal/mandate', 'on another PostgreSQL'],
    ],
    options: [
      { title: 'Options', options: [{ flags: '-d, --detach', text: 'run in the background, log to the state folder' }, CONFIG_OPTION] },
      {
        title: 'Sealed keys',
        options: PASSPHRASE_OPTIONS,
      },
      {
        title: 'Database',
        options: [
          { flags: '--db <url>', text: 'server role on another PostgreSQL (or DATABASE_URL)' },
          { flags: '--db-owner <url>', text: 'owner role, used for migrations only' },
        ],
      },
    ],
    hidden: [{ flags: '--report-fd <fd>', text: 'where the background process reports to' }],
    exits: [],
    topic: 'separation',
    load: () => (require('../commands/up') as typeof UpModule).up,
  },
  {
    path: ['down'],
    operands: '',
    sentence: 'End the daemons and sockets of mandate; agents run on until their SVIDs expire.',
    examples: [
      ['down', 'end it; says so and succeeds where nothing runs'],
      ['down --state /srv/mandate', 'end another installation'],
    ],
    options: [],
    exits: [
      [4, 'asked by an agent, or by a user who does not administer'],
      [8, 'still not ended after 6 seconds'],
    ],
    topic: 'security',
    load: () => (require('../commands/down') as typeof DownModule).down,
  },
  {
    path: ['status'],
    operands: '',
    sentence: 'Say whether mandate runs, where it listens, and how far the issuer is from your agents.',
    examples: [
      ['status', 'for people'],
      ['status -o json', 'for scripts: workloadApi, bundleUrl, metricsUrl, ready, separated'],
    ],
    options: [],
    exits: [[5, 'nothing answers']],
    topic: 'separation',
    load: () => (require('../commands/status') as typeof StatusModule).status,
  },
  {
    path: ['doctor'],
    operands: '',
    sentence: 'Check what this machine and this installation offer: kernel, separation, ways to root, files, clock.',
    examples: [
      ['doctor', 'what was seen, why it matters, how to fix it; as root it sees more'],
      ['doctor -o json', 'for scripts: healthy, checks'],
    ],
    options: [],
    exits: [[1, 'a check failed']],
    topic: 'separation',
    load: () => (require('../commands/doctor') as typeof DoctorModule).doctor,
  },
  {
    path: ['version'],
    operands: '',
    sentence: 'Print the version of mandate.',
    examples: [
      ['version', 'mandate 0.1.0'],
      ['version -o json', 'with Node.js and platform'],
    ],
    options: [],
    exits: [],
    topic: null,
    load: () => (require('../commands/version') as typeof VersionModule).version,
  },
  {
    path: ['help'],
    operands: '[words...]',
    sentence: 'Explain a command, an error code or a topic.',
    examples: [
      ['help E_NO_RULE', 'what a code means and what to do'],
      ['help separation', 'a topic'],
      ['help rules apply', 'a command'],
    ],
    options: [],
    exits: [[7, 'no such command, code or topic']],
    topic: null,
    load: () => (require('../commands/help') as typeof HelpModule).help,
  },
];
