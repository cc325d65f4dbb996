/** What pods ask for, and the parts of a limit that they get. */

/** Part of the limit that all pods get equally, whatever they ask for, so that the first call of a pod is served. */
const FLOOR = 0.1;

/**
 * Parts of `perMs` for pods that ask for `demands`, which add up to 1. A pod that asks for less than an equal part gets
 * what it asks for, and the others share the rest.
 */
export function partsOf(demands: readonly number[], perMs: number): number[] {
  const served = filled(demands, perMs);
  const sum = served.reduce((all, each) => all + each, 0);
  const equal = 1 / demands.length;
  if (sum === 0) return demands.map(() => equal);
  return served.map((each) => (1 - FLOOR) * (each / sum) + FLOOR * equal);
}

/** Max-min fair: the smallest demands are served whole. */
function filled(demands: readonly number[], capacity: number): number[] {
  const served = demands.map(() => 0);
  const order = [...demands.keys()].sort((a, b) => demands[a]! - demands[b]!);
  let left = capacity;
  order.forEach((index, i) => {
    served[index] = Math.min(demands[index]!, left / (order.length - i));
    left -= served[index];
  });
  return served;
}
