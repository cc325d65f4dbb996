import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

const STDOUT = 1;

/** The root logger: JSON lines with time, level and msg, in the operator as in the runtime. Each module adds its name. */
export function rootLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination ?? standardOutput());
}

/** Writes line by line: a buffered rest would be retried for ever without a reader, and the process would never end. */
function standardOutput(): DestinationStream {
  return pino.destination({ dest: STDOUT, sync: true });
}
