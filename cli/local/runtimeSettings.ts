import type { Writable } from 'node:stream';

/** How the runtimes of agents run beside this program. */
export interface RuntimeSettings {
  /** Address that agents and their metrics listen on; absent: any. */
  host?: string;
  /** Port of the first agent's metrics; others take the next that are free. 0: any that are free. */
  metricsPort: number;
  /** Names of further environment variables for them. */
  passed: readonly string[];
  /** Flags for Node.js. */
  flags: readonly string[];
  /** Destination of their logs; absent: a file for each. */
  log?: Writable;
}

/** Reached from this computer only, with a log file for each. */
export const ON_THIS_COMPUTER: RuntimeSettings = {
  host: '127.0.0.1',
  metricsPort: 0,
  passed: [],
  flags: [],
};
