/** The operator as in its image. The variable BENCH has its settings and the access to the API server. */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { runOperator } from '../../../operator/operator.ts';
import type { Settings } from '../../../operator/settings.ts';
import { type Access, clusterOf } from './access.ts';
import { StallWatch } from './stalls.ts';

/** What its parent may ask this process besides the operator. */
export type Question = 'stalls' | 'all stalls' | 'heap';

const MIB = 2 ** 20;

const watch = new StallWatch();
let heapInUse = 0;
new PerformanceObserver((list) => {
  const collections = list.getEntries() as unknown as { detail: { kind: number } }[];
  if (collections.some(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) {
    heapInUse = getHeapStatistics().used_heap_size / MIB;
  }
}).observe({ entryTypes: ['gc'] });

process.on('message', (question: Question) => {
  if (question === 'heap') return void process.send!(heapInUse);
  return void process.send!(watch.stalls(question === 'stalls' ? 'LastCall' : 'Start'));
});
// The operator must continue when its parent is gone.
process.channel?.unref();

const { access, settings } = JSON.parse(process.env['BENCH']!) as {
  access: Access;
  settings: Settings;
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const logger = pino({ level: settings.logLevel, base: null });
await runOperator(
  { settings, cluster: clusterOf(access), logger, registry: new Registry() },
  stop.signal,
);
process.exit(0);
