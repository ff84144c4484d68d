import { parentPort, workerData } from 'node:worker_threads';
import { epollWait } from './epoll';

/** Blocks in epoll_wait and passes on the tokens of what is readable; ends when it sees the token 0. */
const { epoll } = workerData as { readonly epoll: number };
for (let open = true; open;) {
  const tokens = epollWait(epoll);
  open = !tokens.includes(0);
  parentPort?.postMessage(tokens);
}
