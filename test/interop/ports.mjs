// Ports of this machine, for services that are told where to listen.
import { connect, createServer } from 'node:net';

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, 'localhost', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Waits until the port answers: what a service prints belongs to its library. */
export async function listening(watcher, port) {
  for (;;) {
    if (watcher.ended !== undefined) throw new Error(`${watcher.name} ended: ${watcher.ended}`);
    const answers = await new Promise((resolve) => {
      const probe = connect(port, 'localhost', () => resolve(true));
      probe.once('error', () => resolve(false));
      probe.once('close', () => probe.destroy());
      probe.once('connect', () => probe.end());
    });
    if (answers) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
