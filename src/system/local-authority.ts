import type { HeaderField } from './hpack-table';

const LOCAL: HeaderField = { name: ':authority', value: 'localhost', never: false };

/**
 * Whether Node's HTTP/2 would reset this request for its `:authority` alone: because it is the path of the socket, empty, or missing without
 * `host`. A unix socket has no authority, so clients differ in what they send; grpc-java sends the path. Anything else that Node refuses stays refused.
 */
export function lacksAuthority(fields: readonly HeaderField[]): boolean {
  if (!fields.some(({ name }) => name === ':method')) return false; // trailers
  const authorities = fields.filter(({ name }) => name === ':authority');
  if (authorities.length === 0) return !fields.some(({ name, value }) => name === 'host' && value !== '');
  return authorities.length === 1 && /^(?:[!-~]*\/[!-~]*)?$/.test(authorities[0]!.value);
}

/** The same request for `localhost`, which is what most clients say of a unix socket. Order, and what its sender says of every other field, stays. */
export function withAuthority(fields: readonly HeaderField[]): readonly HeaderField[] {
  if (!lacksAuthority(fields)) return fields;
  return [LOCAL, ...fields.filter(({ name }) => name !== LOCAL.name)];
}
