import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

/** The root logger: JSON lines with time, level and msg. Each module adds its name. */
export function rootLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** The logger of a module. */
export function moduleLogger(root: Logger, module: string): Logger {
  return root.child({ module });
}
