import { LineQueue } from './lineQueue.ts';
import type { LineQueueDeps, Sink } from './lineQueue.ts';

/** Writes whole lines to standard output without blocking the process. */
export type WriteOut = (text: string) => Promise<void>;

/** Largest atomic write to a pipe (PIPE_BUF of Linux), so that no line of the log mixes in. */
const ATOMIC_BYTES = 4096;

/** Writes lines of the audit among those of the log: `stream` distinguishes them. */
export class StdoutSink extends LineQueue implements Sink {
  readonly name = 'stdout';

  constructor(writeOut: WriteOut, deps: Pick<LineQueueDeps, 'clock' | 'maxBytes' | 'onError'>) {
    super({ ...deps, batchBytes: ATOMIC_BYTES, keep: writeOut });
  }

  override write(line: string): boolean {
    return super.write(`{"stream":"audit",${line.slice(1)}`);
  }
}
