import { hash } from 'node:crypto';

/** Hexadecimal digits of a digest in a score. A number holds as many exactly. */
const DIGITS = 12;
const RANGE = 16 ** DIGITS;

/** A choice for keys. */
export interface Weighed {
  name: string;
  /** Above 0. */
  weight: number;
}

/**
 * Assigns a key to one of `choices`; undefined without choices. All processes assign a key alike, without any state. Over
 * many keys, each choice gets keys in proportion to its weight. When a choice leaves, only its own keys move.
 *
 * This is rendezvous hashing, also called highest random weight: D. Thaler and C. Ravishankar, “Using Name-Based Mappings
 * to Increase Hit Rates”, IEEE/ACM Transactions on Networking 6(1), 1998. Weights follow the logarithmic method:
 * C. Schindelhauer and G. Schomaker, “Weighted Distributed Hash Tables”, SPAA 2005. For u uniform in (0, 1),
 * −ln(u) ÷ weight is exponential with that rate, and each choice has the smallest one in proportion to its weight.
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
