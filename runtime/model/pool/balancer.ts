/** How endpoints of one priority share requests. */
export type Strategy = 'RoundRobin' | 'LeastLoaded' | 'Weighted' | 'Random';

/** An endpoint as the choice sees it. */
export interface Choice {
  name: string;
  /** The lowest serves. */
  priority: number;
  weight: number;
  availability: 'Usable' | 'Full' | 'Shut';
  /** Share of what it can take that is in use, 0 to 1, or more with those that wait. */
  load: number;
  /** Share of what it can take that would be in use with one call more. */
  nextLoad: number;
  /** Share of successes among its recent calls, 0 to 1. */
  successShare: number;
}

const RANKS: Record<Choice['availability'], number> = { Usable: 0, Full: 1, Shut: 2 };

/**
 * Below this share of successes endpoints count alike. An endpoint that fails fast has few calls in flight, and its
 * share of successes keeps it from attracting all traffic by that.
 */
const LEAST_SUCCESS_SHARE = 0.05;

/** What is left of a weight under full load, so that the chance of an endpoint is never nothing. */
const LEAST_SHARE = 0.01;

/**
 * Chooses among endpoints: one that is usable before one that is full before one that is shut,
 * among these the lowest priority, and among equals by a strategy. Pure but for the turns that it
 * remembers; it knows no clock.
 */
export class Balancer {
  readonly #random: () => number;
  /** Whose turn it was last, by priority. */
  readonly #turns = new Map<number, string>();

  /** `random` gives numbers from 0 up to but not 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The one to take; undefined when there is none. */
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

  /** The next in the order of the list after the one that was taken last. */
  #next<C extends Choice>(equals: readonly C[], all: readonly C[]): C {
    const [{ priority }] = equals as [C];
    const last = all.findIndex(({ name }) => name === this.#turns.get(priority));
    const next = equals.find((each) => all.indexOf(each) > last) ?? equals[0]!;
    this.#turns.set(priority, next.name);
    return next;
  }

  /** By chance, in proportion to a score. */
  #draw<C extends Choice>(equals: readonly C[], score: (choice: C) => number): C {
    const scores = equals.map(score);
    let left = this.#random() * scores.reduce((a, b) => a + b, 0);
    const index = scores.findIndex((each) => (left -= each) < 0);
    return equals[index < 0 ? equals.length - 1 : index]!;
  }
}

/** Those of the best availability, and of these those of the lowest priority. */
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
