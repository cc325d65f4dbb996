import { describe, expect, it } from '@jest/globals';
import { parseMetrics, seriesIn } from './metrics.ts';

it('parseMetrics reads samples with and without labels', () => {
  const text =
    '# HELP up x\n# TYPE up gauge\nup 1\nup{a="b, c",d="e\\"f"} 2.5e3\nthe_bucket{le="+Inf"} 7\n';
  expect(parseMetrics(text)).toEqual([
    { name: 'up', labels: {}, value: 1 },
    { name: 'up', labels: { a: 'b, c', d: 'e\\"f' }, value: 2500 },
    { name: 'the_bucket', labels: { le: '+Inf' }, value: 7 },
  ]);
  expect(() => parseMetrics('<html>')).toThrow('no sample');
});

describe('seriesIn', () => {
  it.each<[string, string[]]>([
    ['up', ['up']],
    [
      'sum by (a, b) (rate(x_total{c="d e"}[5m])) / sum(rate(y_total[5m])) > 0.05',
      ['x_total', 'y_total'],
    ],
    ['x * ignoring (state) (y == bool 0)', ['x', 'y']],
    [
      'histogram_quantile(0.99, sum by (le) (rate(z_bucket{pod=~"a.+"}[$__rate_interval])))',
      ['z_bucket'],
    ],
    ['x and on(a) y offset 5m or x', ['x', 'y']],
  ])('finds the series in %s', (expression, names) => expect(seriesIn(expression)).toEqual(names));
});
