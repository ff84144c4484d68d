import { AUTHORITIES } from './authorities';
import { BUNDLE } from './bundle';
import { CA_SEAL } from './ca-seal';
import { CONFIG } from './config';
import { DATABASE } from './database';
import { FEDERATION } from './federation';
import { IDENTITY } from './identity';
import { INSTALL } from './install';
import { LINEAGE } from './lineage';
import { MANIFEST } from './manifest';
import { RULES } from './rules';
import { SERVICE } from './service';
import type { CommandSpec, GroupSpec } from './spec';

/** Words with commands below them. */
export const GROUPS: readonly GroupSpec[] = [
  { name: 'agents', sentence: 'Running agents and whose they are.' },
  { name: 'rules', sentence: 'Which process gets which identity.' },
  { name: 'manifest', sentence: 'Signed lists of the releases that rules accept.' },
  { name: 'ca', sentence: 'The authorities that sign, through their stages.', folded: true },
  { name: 'bundle', sentence: 'What relying parties trust.' },
  { name: 'federation', sentence: 'Other trust domains whose SVIDs agents may accept.', folded: true },
  { name: 'config', sentence: 'What an administrator decided about this installation.' },
  { name: 'db', sentence: 'The database of this installation.' },
];

/** Every command, in the order `mandate --help` shows them. */
export const SECTIONS: readonly { readonly title: string; readonly commands: readonly CommandSpec[] }[] = [
  { title: 'Every day', commands: [...IDENTITY, ...LINEAGE] },
  {
    title: 'Administration',
    commands: [...SERVICE, ...INSTALL, ...RULES, ...MANIFEST, ...BUNDLE, ...FEDERATION, ...AUTHORITIES, ...CA_SEAL, ...DATABASE, ...CONFIG],
  },
];

export const COMMANDS: readonly CommandSpec[] = SECTIONS.flatMap((section) => section.commands);
