import type { Guard } from '../guard';
import { BUNDLES } from './bundles';
import { CERTIFICATES } from './certificates';
import { NAMES } from './names';
import { PUBLISHED_AND_READ } from './published';
import { SERVED } from './served';
import { CLIENTS, TOKENS } from './tokens';
import { CHAINS } from './verified';
import { JUDGED_TOKENS } from './verified-tokens';

export const GUARDS: readonly Guard[] = [
  ...NAMES,
  ...CERTIFICATES,
  ...CHAINS,
  ...TOKENS,
  ...JUDGED_TOKENS,
  ...BUNDLES,
  ...SERVED,
  ...PUBLISHED_AND_READ,
  ...CLIENTS,
];
