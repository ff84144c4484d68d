import { MandateError } from '../domain/errors';
import type { Options } from './specs/spec';

/** Longest operand that is looked at. */
const MAX_OPERAND = 4096;

/** The operand at `index`; commander has seen to its presence. Throws E_USAGE on one no command could mean. */
export function operand(operands: readonly string[], index: number): string {
  const value = operands[index] ?? '';
  if (value === '' || value.length > MAX_OPERAND || value.includes('\0'))
    throw new MandateError('E_USAGE', { saw: value === '' ? 'an empty argument' : `an argument of ${value.length} characters` });
  return value;
}

export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** A decimal number within bounds. Throws E_USAGE naming what was expected. */
export function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new MandateError('E_USAGE', { saw: `${what}: ${text}`, fix: `a whole number from ${least} to ${most}` });
  return value;
}
