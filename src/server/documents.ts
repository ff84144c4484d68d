import type { RequestListener, ServerResponse } from 'node:http';
import { etagOf, pathOf } from './https-listener';

/** A public document that follows from one value: it is written anew only when that value is replaced. */
export interface Document {
  readonly path: string;
  /** Its text now, and for how long a copy may be used. */
  readonly now: () => { readonly body: string; readonly maxAgeSeconds: number };
}

export interface Serving {
  readonly documents: readonly Document[];
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Written {
  readonly body: string;
  readonly etag: string;
}

/** Answers GET and HEAD with the documents, 405 to other methods, 404 to other paths. Nobody is asked who he is. */
export function serveDocuments({ documents, headers }: Serving): RequestListener {
  const byPath = new Map(documents.map((document) => [document.path, document]));
  const written = new Map<Document, Written>();

  const writtenNow = (document: Document, body: string): Written => {
    const before = written.get(document);
    if (before?.body === body) return before;
    const now = { body, etag: etagOf(body) };
    written.set(document, now);
    return now;
  };

  return (request, response) => {
    const document = byPath.get(pathOf(request));
    response.setHeader('x-content-type-options', 'nosniff');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    // What comes in a body is not read; the next request would begin inside it.
    if (hasBody(request.headers)) response.setHeader('connection', 'close');
    if (!document) return plain(response, 404, 'not found');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
    const { body: text, maxAgeSeconds } = document.now();
    const { body, etag } = writtenNow(document, text);
    response.setHeader('etag', etag);
    response.setHeader('cache-control', `max-age=${maxAgeSeconds}`);
    if (matches(request.headers['if-none-match'], etag)) return void response.writeHead(304).end();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

/** If-None-Match of RFC 9110 §13.1.2: a list of tags, compared weakly, or a star. */
const matches = (condition: string | undefined, etag: string): boolean =>
  condition !== undefined && condition.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));

const hasBody = (headers: { readonly 'content-length'?: string | undefined; readonly 'transfer-encoding'?: string | undefined }): boolean =>
  headers['transfer-encoding'] !== undefined || !['0', undefined].includes(headers['content-length']);

/** A short text; `response` may have headers already. */
export function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
