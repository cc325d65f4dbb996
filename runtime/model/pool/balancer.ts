export type Strategy = 'RoundRobin' | 'LeastLoaded' | 'Weighted' | 'Random';

export interface Choice {
  name: string;
  /** The lowest priority serves. */
  priority: number;
  weight: number;
  availability: 'Usable' | 'Full' | 'Shut';
  /** Used share of its capacity, 0 to 1, or more with waiting calls. */
  load: number;
  /** Used share with one more call. */
  nextLoad: number;
  /** Share of successes among its recent calls, 0 to 1. */
  successShare: number;
}

const RANKS: Record<Choice['availability'], number> = { Usable: 0, Full: 1, Shut: 2 };

/**
 * Endpoints below this share of successes count alike. An endpoint that fails fast has few calls in flight; its share
 * of successes keeps it from attracting all traffic.
 */
const LEAST_SUCCESS_SHARE = 0.05;

/** Least part of a weight under full load, so that no endpoint's chance is zero. */
const LEAST_SHARE = 0.01;

/**
 * Chooses an endpoint: usable before full before shut, then the lowest priority, then by the strategy. Its only state
 * is the turns; it has no clock.
 */
export class Balancer {
  readonly #random: () => number;
  /** Name of the last choice, by priority. */
  readonly #turns = new Map<number, string>();

  /** `random` gives numbers from 0 up to but not 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  choose<C extends Choice>(strategy: Strategy, choices: readonly C[]): C | undefined {
    const equals = best(choices);
    if (equals.length <= 1) return equals[0];
    switch (strategy) {
      case 'RoundRobin':
        return this.#next(equals, choices);
      case 'Weighted':
        return this.#draw(equals, ({ weight, load }) => weight * Math.max(1 - load, LEAST_SHARE));
      case 'Random':
        return this.#draw(equals, () => 1);
      case 'LeastLoaded':
        return this.#draw(leastLoaded(equals), () => 1);
    }
  }

  /** The next in the order of the list after the last choice. */
  #next<C extends Choice>(equals: readonly C[], all: readonly C[]): C {
    const [{ priority }] = equals as [C];
    const last = all.findIndex(({ name }) => name === this.#turns.get(priority));
    const next = equals.find((each) => all.indexOf(each) > last) ?? equals[0]!;
    this.#turns.set(priority, next.name);
    return next;
  }

  /** Draws one at random, in proportion to its score. */
  #draw<C extends Choice>(equals: readonly C[], score: (choice: C) => number): C {
    const scores = equals.map(score);
    let left = this.#random() * scores.reduce((a, b) => a + b, 0);
    const index = scores.findIndex((each) => (left -= each) < 0);
    return equals[index < 0 ? equals.length - 1 : index]!;
  }
}

/** Those of the best availability, and among them those of the lowest priority. */
function best<C extends Choice>(choices: readonly C[]): C[] {
  let found: C[] = [];
  for (const choice of choices) {
    const order = found.length === 0 ? -1 : compare(choice, found[0]!);
    if (order < 0) found = [choice];
    else if (order === 0) found.push(choice);
  }
  return found;
}

function compare(a: Choice, b: Choice): number {
  return RANKS[a.availability] - RANKS[b.availability] || a.priority - b.priority;
}

function leastLoaded<C extends Choice>(choices: readonly C[]): C[] {
  const least = Math.min(...choices.map(effectiveLoad));
  return choices.filter((choice) => effectiveLoad(choice) === least);
}

function effectiveLoad({ nextLoad, successShare }: Choice): number {
  return nextLoad / Math.max(successShare, LEAST_SUCCESS_SHARE);
}
