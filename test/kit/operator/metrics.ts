/** Samples of a Prometheus text. */
export class Metrics {
  readonly #samples: { name: string; labels: Record<string, string>; value: number }[] = [];

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!match) continue;
      const [, name, labels = '', value] = match;
      this.#samples.push({ name: name!, labels: parseLabels(labels), value: Number(value) });
    }
  }

  /** Sum of all samples with this name and these labels. */
  sum(name: string, wanted: Record<string, string | RegExp> = {}): number {
    return this.#samples
      .filter((sample) => sample.name === name && matches(sample.labels, wanted))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Cumulative counts of a histogram by upper bound, summed over its series. */
  buckets(name: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { labels, value, ...sample } of this.#samples) {
      if (sample.name !== `${name}_bucket`) continue;
      const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return counts;
  }
}

/** The `percent`-th percentile of the observations between two scrapes, interpolated within its bucket. */
export function percentileBetween(
  before: Map<number, number>,
  after: Map<number, number>,
  percent: number,
): number {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const count = (bound: number): number => after.get(bound)! - (before.get(bound) ?? 0);
  const rank = (count(Infinity) * percent) / 100;
  let [lower, below] = [0, 0];
  for (const bound of bounds) {
    const upTo = count(bound);
    if (upTo >= rank) {
      if (bound === Infinity || upTo === below) return lower;
      return lower + ((bound - lower) * (rank - below)) / (upTo - below);
    }
    [lower, below] = [bound, upTo];
  }
  return lower;
}

function parseLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!]));
}

const matches = (
  labels: Record<string, string>,
  wanted: Record<string, string | RegExp>,
): boolean =>
  Object.entries(wanted).every(([name, value]) =>
    typeof value === 'string' ? labels[name] === value : value.test(labels[name] ?? ''),
  );
