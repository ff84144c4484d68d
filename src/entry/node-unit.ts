import { harden } from '../system/harden';
import { givenSocket } from '../system/given-socket';
import { jsonLog } from './log';
import { version } from './root';
import { runNode } from './run-node';
import { installedLayout, runUnit } from './unit';

/**
 * The node as systemd starts it, on the socket that systemd keeps. Ready when it serves, also while there is no server: who asks then is
 * told so at once.
 */
export function nodeUnitEntry(): void {
  harden();
  const log = jsonLog('node', process.env['MANDATE_LOG']);
  runUnit(log, () => {
    const layout = installedLayout();
    const socket = givenSocket(process.env, process.pid, layout.agentSocket);
    for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
    return runNode({ layout, version: version() }, socket, () => undefined, log);
  });
}
