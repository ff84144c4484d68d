import type { Server, Socket } from 'node:net';
import { MandateError } from '../domain/errors';

/** The descriptor behind a socket. Node has no public word for it; it is used at once and never kept. Throws E_PEER_GONE. */
export function descriptorOf(socket: Socket | Server): number {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) throw new MandateError('E_PEER_GONE');
  return fd;
}
