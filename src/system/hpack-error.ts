/** A header block that cannot be read: nothing after it on its connection could be, either (RFC 7541 §2.2). */
export class HpackError extends Error {}
