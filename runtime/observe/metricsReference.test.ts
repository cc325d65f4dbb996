import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/metrics.md');

/** A metric with its type and labels, as a row of the page has them. */
type Row = [name: string, type: string, labels: string];

function documented(): Row[] {
  const rows = readFileSync(PAGE, 'utf8').matchAll(
    /^\| `(\w+)` *\| (\w+) *\| (?:`([\w, ]+)`)? *\| \S/gm,
  );
  return Array.from(rows, ([, name = '', type = '', labels = '']) => [name, type, labels]);
}

const byName = (a: Row, b: Row): number => a[0].localeCompare(b[0]);

let agent: StartedRuntime | undefined;
afterEach(() => agent?.stop());

describe('docs/reference/metrics.md', () => {
  it('lists every metric of a runtime with its type and labels, and no other', async () => {
    agent = await startRuntime(configuration('http://127.0.0.1:1'));
    const { registry } = agent.runtime.metrics;
    const metrics = registry.getMetricsAsArray() as unknown as (MetricObjectWithValues<
      MetricValue<string>
    > & { labelNames: string[] })[];
    const types = new Map(
      (await registry.getMetricsAsJSON()).map(({ name, type }) => [name, type]),
    );
    const registered = metrics.map(({ name, labelNames }): Row => [
      name,
      String(types.get(name)),
      labelNames.join(', '),
    ]);
    expect(documented().sort(byName)).toEqual(registered.sort(byName));
  });
});
