import { HpackError } from './hpack-error';

/** A header field. Both are bytes, one to a character (latin1). */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** Its sender wants it in no table on any hop. */
  readonly never: boolean;
}

/** RFC 7541, Appendix A, in order. */
const STATIC: readonly HeaderField[] = `
  :authority
  :method = GET
  :method = POST
  :path = /
  :path = /index.html
  :scheme = http
  :scheme = https
  :status = 200
  :status = 204
  :status = 206
  :status = 304
  :status = 400
  :status = 404
  :status = 500
  accept-charset
  accept-encoding = gzip, deflate
  accept-language
  accept-ranges
  accept
  access-control-allow-origin
  age
  allow
  authorization
  cache-control
  content-disposition
  content-encoding
  content-language
  content-length
  content-location
  content-range
  content-type
  cookie
  date
  etag
  expect
  expires
  from
  host
  if-match
  if-modified-since
  if-none-match
  if-range
  if-unmodified-since
  last-modified
  link
  location
  max-forwards
  proxy-authenticate
  proxy-authorization
  range
  referer
  refresh
  retry-after
  server
  set-cookie
  strict-transport-security
  transfer-encoding
  user-agent
  vary
  via
  www-authenticate`
  .trim()
  .split('\n')
  .map((line) => {
    const [name = '', value = ''] = line.trim().split(' = ');
    return { name, value, never: false };
  });

/** What either side of a connection holds where no SETTINGS said otherwise; ours never does. */
const MAX_BYTES = 4096;

/** What a field counts for in tables and lists (RFC 7541 §4.1). */
export const sizeOf = ({ name, value }: HeaderField): number => name.length + value.length + 32;

/** The table one side of a connection fills as it sends (RFC 7541 §2.3): at most 4 KiB. */
export class HeaderTable {
  /** Newest first. */
  readonly #dynamic: HeaderField[] = [];
  #bytes = 0;
  #most = MAX_BYTES;

  /** The field at an index that was received. Throws HpackError where there is none. */
  at(index: number): HeaderField {
    const field = index <= STATIC.length ? STATIC[index - 1] : this.#dynamic[index - STATIC.length - 1];
    if (field === undefined) throw new HpackError('no such index');
    return field;
  }

  /** Older ones go; one that is larger than the table empties it. */
  add(field: HeaderField): void {
    this.#evict(this.#most - sizeOf(field));
    if (sizeOf(field) > this.#most) return;
    this.#dynamic.unshift(field);
    this.#bytes += sizeOf(field);
  }

  resize(most: number): void {
    if (most > MAX_BYTES) throw new HpackError('a larger table than was offered');
    this.#most = most;
    this.#evict(most);
  }

  #evict(most: number): void {
    while (this.#bytes > most) {
      const oldest = this.#dynamic.pop();
      if (oldest === undefined) return;
      this.#bytes -= sizeOf(oldest);
    }
  }
}
