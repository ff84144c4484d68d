import type { RequestListener, ServerResponse } from 'node:http';
import { etagOf, pathOf } from './https-listener';

/** A public document that follows from one value: it is written anew only when that value is replaced. */
export interface Document {
  readonly path: string;
  /** What it is called in a metric. */
  readonly name: string;
  /** Its text now, and for how long a copy may be used. */
  readonly now: () => { readonly body: string; readonly maxAgeSeconds: number };
}

export interface Serving {
  readonly documents: readonly Document[];
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told of every request and where it came from; `document` is "none" where there is no such path. */
  readonly served: (document: string, status: number, from: string) => void;
}

interface Written {
  readonly body: string;
  readonly etag: string;
}

/** Answers GET and HEAD with the documents, 405 to other methods, 404 to other paths. Nobody is asked who he is. */
export function serveDocuments({ documents, headers, served }: Serving): RequestListener {
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
    const end = (status: number, finish: () => void): void => {
      served(document?.name ?? 'none', status, request.socket.remoteAddress ?? '');
      finish();
    };
    response.setHeader('x-content-type-options', 'nosniff');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    // What comes in a body is not read; the next request would begin inside it.
    if (hasBody(request.headers)) response.setHeader('connection', 'close');
    if (!document) return end(404, () => plain(response, 404, 'not found'));
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return end(405, () => plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed'));
    const { body: text, maxAgeSeconds } = document.now();
    const { body, etag } = writtenNow(document, text);
    response.setHeader('etag', etag);
    response.setHeader('cache-control', `max-age=${maxAgeSeconds}`);
    if (matches(request.headers['if-none-match'], etag)) return end(304, () => void response.writeHead(304).end());
    end(200, () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
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
