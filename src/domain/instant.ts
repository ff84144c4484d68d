/** An instant of the wall clock, milliseconds since 1970, as RFC 3339 writes it in UTC. */
export const rfc3339 = (ms: number): string => new Date(ms).toISOString();
