import { describe, expect, it } from '@jest/globals';
import { Histogram, Registry } from 'prom-client';
import { Metrics, percentileBetween } from './metrics.ts';

describe('percentileBetween', () => {
  const registry = new Registry();
  const waited = new Histogram({
    name: 'waited_seconds',
    help: 'What is measured',
    labelNames: ['name'],
    buckets: [1, 2, 4, 8],
    registers: [registry],
  });
  const scrape = async (): Promise<Map<number, number>> =>
    new Metrics(await registry.metrics()).buckets('waited_seconds');

  it('counts what all series gained between two scrapes, and interpolates within a bucket', async () => {
    for (let n = 0; n < 1_000; n++) waited.observe({ name: 'one' }, 7);
    const before = await scrape();
    for (let n = 0; n < 90; n++) waited.observe({ name: 'one' }, 0.5);
    for (let n = 0; n < 10; n++) waited.observe({ name: 'two' }, 3);
    const after = await scrape();
    expect(percentileBetween(before, after, 45)).toBeCloseTo(0.5);
    expect(percentileBetween(before, after, 90)).toBe(1);
    expect(percentileBetween(before, after, 95)).toBeCloseTo(3);
    expect(percentileBetween(before, after, 99)).toBeCloseTo(3.8);
  });

  it('is the last bound for values above it', async () => {
    const before = await scrape();
    waited.observe({ name: 'one' }, 100);
    expect(percentileBetween(before, await scrape(), 99)).toBe(8);
  });
});
