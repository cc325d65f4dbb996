import type { Logger } from 'pino';
import type { GateStatus } from '../../contract/generated/types.ts';

/** Pauses that end sooner come and go with every busy second: no line in the log, in milliseconds. */
const BRIEF_MS = 5000;

/** Writes a line when the gate of a dependency shuts, and one when it opens again. */
export class GateLog {
  readonly #log: Logger;
  readonly #date: () => Date;
  readonly #shut = new Set<string>();

  constructor(log: Logger, date: () => Date) {
    this.#log = log;
    this.#date = date;
  }

  /** A gate is now like this. */
  note({ dependency, gate, until }: GateStatus): void {
    const left = Date.parse(until ?? '') - this.#date().getTime();
    if (gate === 'RateLimited' && left < BRIEF_MS) return;
    if (gate !== 'None') {
      this.#log.warn({ dependency, gate, until }, 'Gate was shut');
      this.#shut.add(dependency);
    } else if (this.#shut.delete(dependency)) {
      this.#log.info({ dependency }, 'Gate was opened');
    }
  }
}
