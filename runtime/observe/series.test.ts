import { describe, expect, it } from '@jest/globals';
import { Counter, Histogram, Registry } from 'prom-client';
import { SeriesCounter, SeriesHistogram } from './series.ts';

const LABELS = ['model', 'kind'] as const;
const VALUES = [0.5, 1, 1.5, 2, 99];

describe('SeriesHistogram', () => {
  it('is scraped exactly like the one of prom-client', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const spec = { name: 'h', help: 'Help.', buckets: [1, 2] };
    const histogram = new SeriesHistogram(ours, { ...spec, labelNames: LABELS });
    const other = new Histogram({ ...spec, labelNames: LABELS, registers: [theirs] });
    for (const value of VALUES) {
      histogram.observe(value, 'm', 'input');
      other.observe({ model: 'm', kind: 'input' }, value);
    }
    histogram.observe(3, 'n', '');
    other.observe({ model: 'n', kind: '' }, 3);
    expect(await ours.metrics()).toBe(await theirs.metrics());
    histogram.retain(({ model }) => model === 'n');
    other.remove({ model: 'm', kind: 'input' });
    histogram.observe(1, 'n', '');
    other.observe({ model: 'n', kind: '' }, 1);
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});

describe('SeriesCounter', () => {
  it('is scraped exactly like the one of prom-client, again and again', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const spec = { name: 'c', help: 'Help.', labelNames: LABELS };
    const counter = new SeriesCounter(ours, spec);
    const other = new Counter({ ...spec, registers: [theirs] });
    for (const value of VALUES) {
      counter.add(value, 'm', 'input');
      other.inc({ model: 'm', kind: 'input' }, value);
      expect(await ours.metrics()).toBe(await theirs.metrics());
    }
    counter.add(1, 'gone', '');
    counter.retain(({ model }) => model === 'm');
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});
