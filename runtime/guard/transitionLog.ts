import type { Transition } from '../../contract/generated/types.ts';

/** The most that the contract lets a report carry. */
const KEPT = 64;

/** The last transitions of all circuits, numbered from 1 by this process. */
export class TransitionLog {
  #sequence = 0;
  readonly #kept: Transition[] = [];

  add(transition: Omit<Transition, 'sequence'>): Transition {
    this.#sequence += 1;
    const numbered = { sequence: this.#sequence, ...transition };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT) this.#kept.shift();
    return numbered;
  }

  /** Oldest first. */
  list(): Transition[] {
    return [...this.#kept];
  }
}
