import { LineQueue } from './lineQueue.ts';
import type { LineQueueDeps, Sink } from './lineQueue.ts';

/** Writes whole lines to standard output without blocking the process. */
export type WriteOut = (text: string) => Promise<void>;

/** What a pipe takes in one piece, so that no line of the log comes between (PIPE_BUF of Linux). */
const ATOMIC_BYTES = 4096;

/** Lines of the audit among those of the log: `stream` tells them apart. */
export class StdoutSink extends LineQueue implements Sink {
  readonly name = 'stdout';

  constructor(writeOut: WriteOut, deps: Pick<LineQueueDeps, 'clock' | 'maxBytes' | 'onError'>) {
    super({ ...deps, batchBytes: ATOMIC_BYTES, keep: writeOut });
  }

  override write(line: string): boolean {
    return super.write(`{"stream":"audit",${line.slice(1)}`);
  }
}
