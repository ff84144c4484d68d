import { harden } from '../system/harden';
import type { ToNode } from '../domain/child-protocol';
import { superviseSelf, tell } from './child';
import { jsonLog } from './log';
import { runNode } from './run-node';

/** The node that `up` started: ready once the server answers, since `up` says so to a person. */
export function nodeEntry(): void {
  harden();
  const log = jsonLog('node', process.env['MANDATE_LOG']);
  superviseSelf<ToNode>(
    log,
    async ({ start }) => {
      let linked: () => void = () => undefined;
      const up = new Promise<void>((resolve) => {
        linked = resolve;
      });
      const node = await runNode(start, undefined, linked, log);
      await up;
      return node;
    },
    () => undefined,
  );
  tell({ type: 'loaded' });
}
