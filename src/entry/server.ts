import type { Supervised, ToServer } from '../domain/child-protocol';
import { MandateError } from '../domain/errors';
import { harden } from '../system/harden';
import { superviseSelf, tell, tellSurely } from './child';
import { jsonLog } from './log';
import { runServer, type ServerSurroundings } from './run-server';

/**
 * The control plane. As root it gets the uid it is to run under as arguments: all code is loaded by now, so the uid is dropped before the
 * supervisor hands over the first secret and before a socket is opened.
 */
export function serverEntry([uid, gid]: readonly string[]): void {
  if (uid !== undefined && gid !== undefined) dropTo(Number(uid), Number(gid));
  harden();
  const log = jsonLog('server', process.env['MANDATE_LOG']);
  let nodeKey: string | undefined;
  let supervised: readonly Supervised[] = [];
  const surroundings: ServerSurroundings = {
    // Its pidfs inode: no process that was asked to stand in for it, however that was done, has the same.
    nodeDoor: { isNode: ({ key }) => key === nodeKey, byGroup: false },
    shutdown: () => tell({ type: 'shutdown' }),
    supervised: () => supervised,
    step: (step, detail, ms) => tell({ type: 'step', step, detail, ms }),
    keyKeeper: {
      next: (secret) => tellSurely({ type: 'next-key-secret', secret: secret.toString('base64') }),
      inForce: () => tell({ type: 'key-secret-fits', index: -1 }),
      credential: () => undefined,
    },
    keySecretFits: (index) => tell({ type: 'key-secret-fits', index }),
  };
  superviseSelf<ToServer>(
    log,
    ({ start }) => runServer(start, surroundings, log),
    (message) => {
      if (message.type === 'node') nodeKey = message.key;
      if (message.type === 'supervised') supervised = message.parts;
    },
  );
  tell({ type: 'loaded' });
}

/** Groups first, then gid, then uid: in any other order something of root's would be left. */
function dropTo(uid: number, gid: number): void {
  if (!process.setgroups || !process.setgid || !process.setuid || uid <= 0 || gid <= 0) throw new MandateError('E_PLATFORM');
  process.setgroups([]);
  process.setgid(gid);
  process.setuid(uid);
}
