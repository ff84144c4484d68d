import { readlinkSync } from 'node:fs';

/** The node's own namespaces, as /proc/PID/ns names them. They do not change while it runs. */
export const ownNamespaces = () => ({
  'ns/user': readlinkSync('/proc/self/ns/user'),
  'ns/mnt': readlinkSync('/proc/self/ns/mnt'),
  'ns/pid': readlinkSync('/proc/self/ns/pid'),
  'ns/net': readlinkSync('/proc/self/ns/net'),
});
