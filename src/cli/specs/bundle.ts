import type { CommandSpec } from './spec';
import type * as BundleShowModule from '../commands/bundle-show';
import type * as BundleExportModule from '../commands/bundle-export';

export const BUNDLE: readonly CommandSpec[] = [
  {
    path: ['bundle', 'show'],
    operands: '',
    sentence: 'Show the authorities that relying parties should trust.',
    examples: [
      ['bundle show', 'keys, stages and validity'],
      ['bundle show -o json', 'with every encoding'],
    ],
    options: [],
    exits: [[5, 'nothing answers']],
    topic: null,
    load: () => (require('../commands/bundle-show') as typeof BundleShowModule).bundleShow,
  },
  {
    path: ['bundle', 'export'],
    operands: '',
    sentence: 'Print the trust bundle.',
    examples: [
      ['bundle export > bundle.pem', 'X.509 authorities as PEM'],
      ['bundle export --format spiffe', 'the SPIFFE bundle document'],
      ['bundle export --format jwks', 'a JWK Set for verifying JWT-SVIDs'],
    ],
    options: [{ title: 'Options', options: [{ flags: '--format <format>', text: 'pem, spiffe or jwks (pem)' }] }],
    exits: [[5, 'nothing answers']],
    topic: null,
    load: () => (require('../commands/bundle-export') as typeof BundleExportModule).bundleExport,
  },
];
