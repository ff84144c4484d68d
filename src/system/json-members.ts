import { createHash } from 'node:crypto';
import type { FoundText } from '../domain/attestation';

/**
 * SHA-256 over some members of a JSON object, where the rest of the file changes all the time; `absent` where it has none of them, and
 * `refused` for what is no JSON object.
 */
export function hashOfMembers(bytes: Buffer, members: readonly (readonly string[])[]): FoundText {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { state: 'refused' };
  }
  const found = members.map((names) => names.reduce(memberOf, value));
  if (found.every((member) => member === undefined)) return { state: 'absent' };
  const sha256 = createHash('sha256')
    .update(JSON.stringify(found.map((member) => member ?? null)))
    .digest('hex');
  return { state: 'read', sha256 };
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
