import type { CommandSpec } from './spec';
import type * as ManifestAcceptModule from '../commands/manifest-accept';
import type * as ManifestLsModule from '../commands/manifest-ls';
import type * as ManifestShowModule from '../commands/manifest-show';
import type * as ManifestSignModule from '../commands/manifest-sign';
import type * as ManifestVerifyModule from '../commands/manifest-verify';

const accept = () => require('../commands/manifest-accept') as typeof ManifestAcceptModule;

export const MANIFEST: readonly CommandSpec[] = [
  {
    path: ['manifest', 'sign'],
    operands: '[manifest]',
    sentence: 'Print a signed list of releases, or of governed files; nothing need run.',
    examples: [
      ['manifest sign --name claude-code --release 2.1.0=./claude --key key.pem', 'the first'],
      ['manifest sign --from v1.json --release 2.2.0=./claude --key key.pem', 'and one more'],
      ['manifest sign unsigned.json --signature it.sig', 'add what ssh-keygen has signed'],
    ],
    options: [
      {
        title: 'What it lists',
        options: [
          { flags: '--name <name>', text: 'name of the manifest' },
          { flags: '--release <label=file>', text: 'a release: hash of the file, or label=sha256:HEX (repeatable)', repeatable: true },
          { flags: '--agent <product>', text: 'agent that the files govern, such as claude-code' },
          { flags: '--file <path>', text: 'a governed file, path=file where it lies elsewhere (repeatable)', repeatable: true },
          { flags: '--from <manifest>', text: 'count on from this one: its entries, one version more' },
          { flags: '--trusted <key>', text: 'public key that signed --from, if it is not of --key (repeatable)', repeatable: true },
          { flags: '--drop <name>', text: 'leave out an entry of --from (repeatable)', repeatable: true },
          { flags: '--expires <when>', text: 'refused from then on: 2027-01-31T00:00:00Z, or 90d' },
          { flags: '--hand-over <key>', text: 'public key that signs what follows; it signs this one too (repeatable)', repeatable: true },
          { flags: '--number <version>', text: 'version instead of 1, or of one more' },
        ],
      },
      {
        title: 'Who signs',
        options: [
          { flags: '--key <file>', text: 'private Ed25519 key: PEM, or OpenSSH without a passphrase' },
          { flags: '--to-sign <file>', text: 'write what ssh-keygen -Y sign -n mandate-manifest is to sign' },
          { flags: '--signature <file>', text: 'add what ssh-keygen signed to the manifest named' },
        ],
      },
    ],
    exits: [
      [6, 'what --from names is not signed by a key that counts'],
      [7, 'a file is not there'],
    ],
    topic: 'manifests',
    load: () => (require('../commands/manifest-sign') as typeof ManifestSignModule).manifestSign,
  },
  {
    path: ['manifest', 'add'],
    operands: '<manifest>',
    sentence: 'Begin a manifest: its first statement, and the keys it trusts from then on.',
    examples: [
      ['manifest add claude.json --key vendor.pub', 'rules may name it now'],
      ['manifest add claude.json --key ana.pub --key bo.pub', 'either may sign what follows'],
    ],
    options: [
      {
        title: 'Options',
        options: [{ flags: '--key <file>', text: 'public key to trust: PEM, or an OpenSSH .pub file (repeatable)', repeatable: true }],
      },
    ],
    exits: [
      [4, 'asked by an agent, or by a user who does not administer'],
      [5, 'nothing answers'],
      [6, 'none of the keys signed it, or it has expired'],
    ],
    topic: 'manifests',
    load: () => accept().manifestAdd,
  },
  {
    path: ['manifest', 'update'],
    operands: '<manifest>',
    sentence: 'Put a newer statement of a manifest into force; living agents get what changed at once.',
    examples: [
      ['manifest update claude-v2.json', 'a release more, without a new rule'],
      ['manifest update - < claude-v2.json', 'from standard input'],
      ['manifest update claude-v2.json --key new.pub', 'this key counts from now on, and no other'],
    ],
    options: [
      {
        title: 'Options',
        options: [{ flags: '--key <file>', text: 'public key to trust from this statement on (repeatable)', repeatable: true }],
      },
    ],
    exits: [
      [4, 'asked by an agent, or by a user who does not administer'],
      [6, 'no trusted key signed it, or it has expired'],
    ],
    topic: 'manifests',
    load: () => accept().manifestUpdate,
  },
  {
    path: ['manifest', 'ls'],
    operands: '',
    sentence: 'List manifests and the rules that name them.',
    examples: [
      ['manifest ls', 'for people'],
      ['manifest ls -o jsonl', 'one manifest a line'],
    ],
    options: [],
    exits: [[5, 'nothing answers']],
    topic: 'manifests',
    load: () => (require('../commands/manifest-ls') as typeof ManifestLsModule).manifestLs,
  },
  {
    path: ['manifest', 'show'],
    operands: '<name>',
    sentence: 'Show what a manifest lists, whom it trusts, and who gave which statement when.',
    examples: [
      ['manifest show claude-code', 'for people'],
      ['manifest show claude-code --diff', 'what changed, and what runs that it does not list'],
    ],
    options: [
      {
        title: 'Options',
        options: [{ flags: '--diff', text: 'differences to the statement before, and to living processes' }],
      },
    ],
    exits: [[7, 'no such manifest']],
    topic: 'manifests',
    load: () => (require('../commands/manifest-show') as typeof ManifestShowModule).manifestShow,
  },
  {
    path: ['manifest', 'verify'],
    operands: '<manifest>',
    sentence: 'Check who signed a manifest, and show what it lists.',
    examples: [
      ['manifest verify claude.json --key vendor.pub', 'by this key; nothing need run'],
      ['manifest verify claude.json', 'by the keys the running service trusts'],
    ],
    options: [
      {
        title: 'Options',
        options: [{ flags: '--key <file>', text: 'public key that will do (repeatable)', repeatable: true }],
      },
    ],
    exits: [
      [6, 'no trusted key signed it, or it has expired'],
      [7, 'no such file, or no such manifest'],
    ],
    topic: 'manifests',
    load: () => (require('../commands/manifest-verify') as typeof ManifestVerifyModule).manifestVerify,
  },
];
