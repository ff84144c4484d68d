import { YES } from '../confirm';
import type { CommandSpec } from './spec';
import type * as FederationAddModule from '../commands/federation-add';
import type * as FederationLsModule from '../commands/federation-ls';
import type * as FederationRefreshModule from '../commands/federation-refresh';
import type * as FederationRmModule from '../commands/federation-rm';

const ADMINISTRATORS: CommandSpec['exits'][number] = [4, 'asked by an agent, or by a user who does not administer'];

export const FEDERATION: readonly CommandSpec[] = [
  {
    path: ['federation', 'add'],
    operands: '<trust-domain>',
    sentence: 'Begin to trust another trust domain, where rules say so.',
    examples: [
      ['federation add b.example --url https://b.example/bundle --profile https_spiffe --bundle b.json', 'and --endpoint-id'],
      ['federation add c.example --url https://c.example/bundle --profile https_web', 'by the Web PKI'],
    ],
    options: [
      {
        title: 'Options',
        options: [
          { flags: '--url <url>', text: 'bundle endpoint of the partner; https only' },
          { flags: '--profile <profile>', text: 'how it is authenticated: https_spiffe or https_web' },
          { flags: '--endpoint-id <id>', text: 'https_spiffe: SPIFFE ID of the endpoint' },
          { flags: '--bundle <file>', text: 'first bundle, as the partner exported it: SPIFFE document or PEM' },
          { flags: '--ca <file>', text: 'https_web: PEM of the authorities to check it with, not the public ones' },
        ],
      },
    ],
    exits: [ADMINISTRATORS, [5, 'nothing answers']],
    topic: 'federation',
    load: () => (require('../commands/federation-add') as typeof FederationAddModule).federationAdd,
  },
  {
    path: ['federation', 'ls'],
    operands: '',
    sentence: 'List partners, how fresh their bundles are, and the rules that name them.',
    examples: [
      ['federation ls', 'for people'],
      ['federation ls -o jsonl', 'one partner a line'],
    ],
    options: [],
    exits: [ADMINISTRATORS, [5, 'nothing answers']],
    topic: 'federation',
    load: () => (require('../commands/federation-ls') as typeof FederationLsModule).federationLs,
  },
  {
    path: ['federation', 'refresh'],
    operands: '[trust-domain]',
    sentence: 'Fetch the bundle of a partner now, or of all of them.',
    examples: [
      ['federation refresh', 'all'],
      ['federation refresh b.example --accept-rollback', 'it counts from the beginning, and has confirmed that'],
    ],
    options: [{ title: 'Options', options: [{ flags: '--accept-rollback', text: 'take a bundle with a lower sequence number as well' }] }],
    exits: [ADMINISTRATORS, [7, 'no such partner']],
    topic: 'federation',
    load: () => (require('../commands/federation-refresh') as typeof FederationRefreshModule).federationRefresh,
  },
  {
    path: ['federation', 'rm'],
    operands: '<trust-domain>',
    sentence: 'Stop trusting a trust domain; living agents are told at once.',
    examples: [
      ['federation rm b.example', 'asks first'],
      ['federation rm b.example -y', 'from a script'],
    ],
    options: [{ title: 'Options', options: [YES] }],
    exits: [ADMINISTRATORS, [7, 'no such partner']],
    topic: 'federation',
    load: () => (require('../commands/federation-rm') as typeof FederationRmModule).federationRm,
  },
];
