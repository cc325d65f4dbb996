import { hash } from 'node:crypto';

/** Hexadecimal digits of a digest that make a score: as many as a number holds exactly. */
const DIGITS = 12;
const RANGE = 16 ** DIGITS;

/** A target of keys. */
export interface Weighed {
  name: string;
  /** Above 0. */
  weight: number;
}

/**
 * The one among `choices` that a key belongs to; undefined when there is none. Whoever asks gets the same answer, without
 * any state. Over many keys each choice gets its share of the weights, and one that leaves gives away its own keys only.
 *
 * This is rendezvous hashing, also highest random weight: D. Thaler and C. Ravishankar, “Using Name-Based Mappings to
 * Increase Hit Rates”, IEEE/ACM Transactions on Networking 6(1), 1998. The weights enter by the logarithmic method:
 * C. Schindelhauer and G. Schomaker, “Weighted Distributed Hash Tables”, SPAA 2005. With u uniform in (0, 1),
 * −ln(u) ÷ weight is an exponential time of that rate, and the smallest of several falls to each in proportion to its rate.
 */
export function rendezvous<C extends Weighed>(key: string, choices: readonly C[]): C | undefined {
  if (choices.length <= 1) return choices[0];
  let found: C | undefined;
  let least = Infinity;
  for (const choice of choices) {
    const time = -Math.log(uniform(key, choice.name)) / choice.weight;
    if (time >= least) continue;
    least = time;
    found = choice;
  }
  return found;
}

/** A number above 0 and below 1 for a key and a name. */
function uniform(key: string, name: string): number {
  const digest = hash('sha256', `${key} ${name}`);
  return (parseInt(digest.slice(0, DIGITS), 16) + 0.5) / RANGE;
}
