import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Result, Task } from './worker.ts';

/** Plays all tasks, one at a time on each processor. `onResult` gets each result as it comes. */
export async function playAll(
  tasks: readonly Task[],
  onResult: (result: Result) => void,
): Promise<void> {
  const left = [...tasks];
  const run = async (): Promise<void> => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    try {
      for (let task = left.shift(); task; task = left.shift()) {
        const answer = once(worker, 'message');
        worker.postMessage(task);
        const [result] = (await answer) as [Result];
        onResult(result);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, run));
}
