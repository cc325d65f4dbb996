import type { Writable } from 'node:stream';

/** How the runtimes of agents run beside this program. */
export interface RuntimeSettings {
  /** Address that agents and their metrics listen on; absent: any. */
  host?: string;
  /** Port of the first agent's metrics. Others get the next free ones. 0: any free ports. */
  metricsPort: number;
  /** Names of additional environment variables for them. */
  passed: readonly string[];
  /** Flags for Node.js. */
  flags: readonly string[];
  /** Destination of their logs; absent: a file for each. */
  log?: Writable;
}

/** Only this computer reaches the agents. Each has its own log file. */
export const ON_THIS_COMPUTER: RuntimeSettings = {
  host: '127.0.0.1',
  metricsPort: 0,
  passed: [],
  flags: [],
};
