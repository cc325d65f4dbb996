import type { Load } from '../../contract/generated/types.ts';

/** Resolution of the free room in reports. */
const STEPS = 8;
/** Smaller changes go out once in this many ticks. */
const FIGURES_TICKS = 5;

/** Decides when the load of the pod is worth a report: at once when it fills up, later when it empties. */
export class LoadWatch {
  readonly #load: () => Load | undefined;
  #reportedRoom = STEPS;
  #reported = '';
  #ticks = 0;

  constructor(load: () => Load | undefined) {
    this.#load = load;
  }

  current(): Load | undefined {
    return this.#load();
  }

  /** Call it often. The load if there is less room than reported. */
  withLessRoom(): Load | undefined {
    const load = this.#load();
    return load && roomOf(load) < this.#reportedRoom ? this.#note(load) : undefined;
  }

  /** Call it once a second. The load if it differs from the last report. */
  changed(): Load | undefined {
    this.#ticks += 1;
    const load = this.#load();
    if (!load) return undefined;
    if (roomOf(load) !== this.#reportedRoom) return this.#note(load);
    const due = this.#reported === '' || this.#ticks % FIGURES_TICKS === 0;
    return due && JSON.stringify(load) !== this.#reported ? this.#note(load) : undefined;
  }

  #note(load: Load): Load {
    this.#reportedRoom = roomOf(load);
    this.#reported = JSON.stringify(load);
    return load;
  }
}

/** Free places in eighths; 0 if other pods must not forward requests here. */
function roomOf({ inFlight, queued, capacity, accepts }: Load): number {
  if (!accepts || queued > 0 || inFlight >= capacity) return 0;
  return Math.ceil((STEPS * (capacity - inFlight)) / capacity);
}
