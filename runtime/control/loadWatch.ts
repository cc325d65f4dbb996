import type { Load } from '../../contract/generated/types.ts';

/** How finely siblings are told of the room that is left. */
const STEPS = 8;
/** What changes nothing of that is told with every so many ticks. */
const FIGURES_TICKS = 5;

/** Notices when the load of the pod is news: at once when it fills up, and later when it empties. */
export class LoadWatch {
  readonly #load: () => Load | undefined;
  #toldRoom = STEPS;
  #told = '';
  #ticks = 0;

  constructor(load: () => Load | undefined) {
    this.#load = load;
  }

  current(): Load | undefined {
    return this.#load();
  }

  /** To be called often: the load when there is less room than was told last. */
  risen(): Load | undefined {
    const load = this.#load();
    return load && roomOf(load) < this.#toldRoom ? this.#tell(load) : undefined;
  }

  /** To be called once a second: the load when it differs from what was told last. */
  changed(): Load | undefined {
    this.#ticks += 1;
    const load = this.#load();
    if (!load) return undefined;
    if (roomOf(load) !== this.#toldRoom) return this.#tell(load);
    const due = this.#told === '' || this.#ticks % FIGURES_TICKS === 0;
    return due && JSON.stringify(load) !== this.#told ? this.#tell(load) : undefined;
  }

  #tell(load: Load): Load {
    this.#toldRoom = roomOf(load);
    this.#told = JSON.stringify(load);
    return load;
  }
}

/** Free places in eighths of all; 0 as soon as another pod is not to forward requests. */
function roomOf({ inFlight, queued, capacity, accepts }: Load): number {
  if (!accepts || queued > 0 || inFlight >= capacity) return 0;
  return Math.ceil((STEPS * (capacity - inFlight)) / capacity);
}
