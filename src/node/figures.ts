import type { LoopDelay } from '../system/loop-delay';
import type { Served } from './served';

/** How the node is at this moment; counts only, of nobody in particular. */
export function nodeFigures(images: { all(): Iterable<Served> }, delay: LoopDelay) {
  const counted = { streams: 0, x509Svids: 0 };
  for (const { subscribers, svids } of images.all()) {
    counted.streams += subscribers.size;
    counted.x509Svids += svids.size;
  }
  const { user, system } = process.cpuUsage();
  return {
    ...counted,
    loopDelayMedian: delay.median,
    loopDelayP99: delay.p99,
    loopDelayMost: delay.most,
    residentBytes: BigInt(process.memoryUsage.rss()),
    cpuSeconds: (user + system) / 1e6,
  };
}
