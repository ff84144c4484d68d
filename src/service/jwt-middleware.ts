import type { IncomingMessage, ServerResponse } from 'node:http';
import { asMandateError, type MandateError } from '../domain/errors';
import { checkRequest, type JwtChecking, NoToken } from './jwt-check';
import { setPeer } from './peer';

/** The part of a refusal that the caller is told: enough to act on, nothing that tells a forger which check he failed. */
interface Answer {
  readonly status: number;
  readonly challenge?: string;
  readonly body: string;
}

/** Middleware for `node:http`, express and connect: calls `next()` for peers that may come in, and answers everybody else itself. */
export function jwtMiddleware(checking: JwtChecking): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  return (request, response, next) => {
    checkRequest(request, checking).then(
      (peer) => {
        setPeer(request, peer);
        next();
      },
      (error: unknown) => {
        const { status, challenge, body } = refused(error, checking);
        response.writeHead(status, {
          ...(challenge !== undefined && { 'www-authenticate': challenge }),
          'content-type': 'text/plain',
          'cache-control': 'no-store',
        });
        response.end(`${body}\n`);
      },
    );
  };
}

/** What the fastify hook needs of a reply. */
export interface FastifyReplyLike {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** The same as an `onRequest` hook of fastify. */
export function jwtHook(checking: JwtChecking): (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike) => Promise<unknown> {
  return async (request, reply) => {
    try {
      setPeer(request.raw, await checkRequest(request.raw, checking));
      return undefined;
    } catch (error) {
      const { status, challenge, body } = refused(error, checking);
      if (challenge !== undefined) reply.header('www-authenticate', challenge);
      reply.header('content-type', 'text/plain');
      reply.header('cache-control', 'no-store');
      reply.code(status);
      reply.send(`${body}\n`);
      return reply; // fastify ends the request here
    }
  };
}

function refused(thrown: unknown, { onRefused }: JwtChecking): Answer {
  const error = asMandateError(thrown);
  onRefused?.(error);
  return answerTo(error);
}

function answerTo(error: MandateError): Answer {
  const { code } = error;
  if (error instanceof NoToken) return { status: 401, challenge: 'Bearer', body: 'a JWT-SVID is needed' };
  if (code === 'E_TOKEN' || code === 'E_NOT_VERIFIED') {
    return { status: 401, challenge: 'Bearer error="invalid_token"', body: 'the token is not accepted here' };
  }
  if (code === 'E_PEER_NOT_ALLOWED') return { status: 403, challenge: 'Bearer error="insufficient_scope"', body: 'not allowed here' };
  if (code === 'E_BUNDLE_STALE') return { status: 503, body: 'tokens cannot be checked at the moment' };
  return { status: 500, body: 'the token could not be checked' };
}
