import { closeSync } from 'node:fs';
import { checked } from './libc';
import { unixAddress } from './unix-address';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** Tells systemd that this service is ready (sd_notify(3)); nothing where nobody asked. Throws KernelError. */
export function notifyReady(to: string | undefined): void {
  if (to === undefined || to === '') return;
  const address = unixAddress(to.startsWith('@') ? `\0${to.slice(1)}` : to);
  const message = Buffer.from('READY=1');
  const fd = checked('socket', AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  try {
    checked('sendto', fd, message, message.length, MSG_NOSIGNAL, address, address.length);
  } finally {
    closeSync(fd);
  }
}
