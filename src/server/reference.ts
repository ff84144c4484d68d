import { MandateError } from '../domain/errors';

const MAX_REFERENCE = 256;
/** Most things looked at, and named, where a reference fits several. */
export const MAX_CANDIDATES = 10;

/** What the caller may not see is answered as if it were not there. */
export const notFound = (reference: string) => new MandateError('E_NOT_FOUND', { saw: reference.slice(0, 100) });

/** A reference as a caller wrote it. Throws E_REQUEST for anything but a short text. */
export function referenceText(value: unknown, what = 'a reference'): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_REFERENCE)
    throw new MandateError('E_REQUEST', { why: `${what} is expected` });
  return value;
}

/** The one thing a reference means. Throws E_NOT_FOUND, and E_AMBIGUOUS with the names of those it fits. */
export function theOne<T>(found: readonly T[], reference: string, name: (item: T) => string): T {
  const [first, ...others] = found;
  if (!first) throw notFound(reference);
  if (others.length > 0)
    throw new MandateError('E_AMBIGUOUS', { saw: reference.slice(0, 100), why: `it fits ${found.map(name).join(', ')}` });
  return first;
}
