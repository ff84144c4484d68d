import type { Guard } from '../guard';
import { CERTIFICATES } from './certificates';
import { NAMES } from './names';
import { CLIENTS, TOKENS } from './tokens';

export const GUARDS: readonly Guard[] = [...NAMES, ...CERTIFICATES, ...TOKENS, ...CLIENTS];
