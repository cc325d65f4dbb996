import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

const STDOUT = 1;

/** The root logger: JSON lines with time, level and msg. Each module adds its name. */
export function rootLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination ?? standardOutput());
}

/**
 * Written line by line: what is still to be written when the process ends is tried for ever once nobody reads it, and
 * the process would never end.
 */
function standardOutput(): DestinationStream {
  return pino.destination({ dest: STDOUT, sync: true });
}

/** The logger of a module. */
export function moduleLogger(root: Logger, module: string): Logger {
  return root.child({ module });
}
