import { setTimeout as delay } from 'node:timers/promises';

/** Time between two renderings, in multiples of what the last one took of the processor. */
const REST = 3;

/**
 * Has a page rendered for all who ask for it at the same time, and its rendering take no more than a quarter of the
 * processor, however often it is asked for. Who asks while one is under way gets that.
 */
export function sharedRendering(render: () => Promise<string>): () => Promise<Buffer> {
  let next: Promise<Buffer> | undefined;
  let restedAt = 0;
  const begin = async (): Promise<Buffer> => {
    const wait = restedAt - performance.now();
    if (wait > 0) await delay(wait);
    const before = process.threadCpuUsage();
    try {
      return Buffer.from(await render());
    } finally {
      const { user, system } = process.threadCpuUsage(before);
      restedAt = performance.now() + (REST * (user + system)) / 1000;
      next = undefined;
    }
  };
  return () => (next ??= begin());
}
