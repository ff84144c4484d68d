import { checkSocketPath } from '../domain/layout';

const AF_UNIX = 1;

/** struct sockaddr_un of unix(7); an abstract name begins with NUL. Throws E_SOCKET_PATH. */
export function unixAddress(name: string): Buffer {
  checkSocketPath(name);
  const path = Buffer.from(name.startsWith('\0') ? name : `${name}\0`);
  const address = Buffer.alloc(2 + path.length);
  address.writeUInt16LE(AF_UNIX, 0);
  path.copy(address, 2);
  return address;
}
