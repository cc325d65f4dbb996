/** Fraction of the limit that is divided equally, so that the first call of any pod is served. */
const FLOOR = 0.1;

/**
 * Divides `perMs` among pods by their demands. The parts add up to 1. A pod that asks for less than an equal part gets its
 * demand, and the others share the rest.
 */
export function partsOf(demands: readonly number[], perMs: number): number[] {
  const served = filled(demands, perMs);
  const sum = served.reduce((all, each) => all + each, 0);
  const equal = 1 / demands.length;
  if (sum === 0) return demands.map(() => equal);
  return served.map((each) => (1 - FLOOR) * (each / sum) + FLOOR * equal);
}

/** Max–min fair: the smallest demands are served in full. */
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
