import { readlinkSync } from 'node:fs';
import { machineMounts } from './process-key';

/**
 * The namespaces that those of a process are compared with, as /proc/PID/ns names them: the node's own, which do not change while it runs,
 * and for mounts the machine's.
 */
export const ownNamespaces = () => ({
  'ns/user': readlinkSync('/proc/self/ns/user'),
  'ns/mnt': machineMounts(),
  'ns/pid': readlinkSync('/proc/self/ns/pid'),
  'ns/net': readlinkSync('/proc/self/ns/net'),
});
