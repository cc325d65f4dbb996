import type { Logger } from 'pino';
import type { GateStatus } from '../../contract/generated/types.ts';

/** Shorter pauses come with every busy second and get no line; in milliseconds. */
const BRIEF_MS = 5000;

/** Logs when the gate of a dependency shuts and when it opens again. */
export class GateLog {
  readonly #log: Logger;
  readonly #date: () => Date;
  readonly #shut = new Set<string>();

  constructor(log: Logger, date: () => Date) {
    this.#log = log;
    this.#date = date;
  }

  /** Takes the current state of a gate. */
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
