/** Runs inside the measured process before its program: tells the parent its memory, and writes heap snapshots. */
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Memory of the process in bytes. */
export interface Memory {
  /** Heap and buffers after a full garbage collection. */
  live: number;
  resident: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('message', (asked: { snapshot?: string }) => {
  // The second collection frees what finalizers of the first one let go.
  collect();
  setImmediate(() => {
    collect();
    if (asked.snapshot !== undefined) writeHeapSnapshot(asked.snapshot);
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send!({ live: heapUsed + external, resident: rss } satisfies Memory);
  });
});
process.channel?.unref();
