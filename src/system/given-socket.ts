import { MandateError } from '../domain/errors';
import { checked } from './libc';
import { unixAddress } from './unix-address';

/** The first descriptor that is handed over (sd_listen_fds(3)). */
const FIRST = 3;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const ADDRESS_BYTES = 110;

/** What systemd says about descriptors that it hands over. */
export interface Handover {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
}

/**
 * The descriptor of a socket that systemd made and listens on for us; undefined where none was handed over to this process. It must be one
 * unix stream socket that listens at `path`: whatever else it is, agents would connect elsewhere. Throws E_SOCKET_IN_USE.
 */
export function givenSocket({ LISTEN_PID, LISTEN_FDS }: Handover, pid: number, path: string): number | undefined {
  // Inherited by a child of who was meant: not for us.
  if (LISTEN_PID === undefined || LISTEN_PID !== String(pid)) return undefined;
  if (LISTEN_FDS !== '1') throw wrong(`${LISTEN_FDS ?? 'no'} descriptors were handed over, not one`);
  let seen: readonly number[];
  let address: Buffer;
  try {
    seen = [SO_DOMAIN, SO_TYPE, SO_ACCEPTCONN].map((option) => optionOf(FIRST, option));
    address = addressOf(FIRST);
  } catch (cause) {
    throw wrong('what was handed over is no socket', cause);
  }
  if (seen[0] !== AF_UNIX || seen[1] !== SOCK_STREAM) throw wrong('what was handed over is no unix stream socket');
  if (seen[2] !== 1) throw wrong('the socket that was handed over does not listen');
  if (!address.equals(unixAddress(path))) throw wrong(`the socket that was handed over is not the one at ${path}`);
  return FIRST;
}

const wrong = (saw: string, cause?: unknown): MandateError =>
  new MandateError(
    'E_SOCKET_IN_USE',
    { saw, fix: 'compare ListenStream= of mandate-node.socket with `mandate install --dry-run`' },
    { cause },
  );

function optionOf(fd: number, option: number): number {
  const value = Buffer.alloc(4);
  checked('getsockopt', fd, SOL_SOCKET, option, value, new Uint32Array([value.length]));
  return value.readInt32LE(0);
}

function addressOf(fd: number): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  const length = new Uint32Array([address.length]);
  checked('getsockname', fd, address, length);
  return address.subarray(0, Math.min(length[0] ?? 0, address.length));
}
