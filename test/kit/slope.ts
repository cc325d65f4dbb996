export interface Sample {
  x: number;
  y: number;
}

/** Slope of the regression line of the samples (least squares). Throws for fewer than two samples. */
export function slope(samples: readonly Sample[]): number {
  if (samples.length < 2) throw new Error('a slope takes two samples');
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean((sample) => sample.x), mean((sample) => sample.y)];
  return mean((sample) => (sample.x - x) * (sample.y - y)) / mean((sample) => (sample.x - x) ** 2);
}
