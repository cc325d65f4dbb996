import { setTimeout as pause } from 'node:timers/promises';
import { say, step } from '../../cluster/common/step.ts';
import { type Sample, slope } from '../../kit/slope.ts';
import type { CrowdBench } from './crowdBench.ts';
import type { Figure } from './measure.ts';
import { now } from './spans.ts';

const TICK_MS = 1_000;
const SAMPLE_TICKS = 10;
const PASSING_TICKS = 10;
const SAY_TICKS = 300;
const HOUR_MS = 3_600_000;
/** Share of the time in which caches fill and the heap reaches its size. */
const WARM_UP = 0.2;

/** Changes each second: specs, policies, replaced pods, circuits. All pods also report numbers. */
const PER_SECOND = { specs: 2, policies: 1, pods: 1, circuits: 5 };

/** Slope of the memory of a leader under churn for so many minutes, after a warm-up. */
export async function churn(
  bench: CrowdBench,
  minutes: number,
  report: (figure: Figure) => void,
): Promise<void> {
  const resident: Sample[] = [];
  const heap: Sample[] = [];
  const begun = now();
  const sample = async (): Promise<void> => {
    const x = (now() - begun) / HOUR_MS;
    resident.push({ x, y: bench.operator.memory().now });
    heap.push({ x, y: await bench.operator.heapInUse() });
  };
  bench.runtimes.order({ type: 'traffic', on: true });
  await step(`Changing things for ${minutes} minutes`, async () => {
    for (let tick = 0; now() - begun < minutes * 60_000; tick++) {
      const due = now() + TICK_MS;
      if (tick % SAMPLE_TICKS === 0) await sample();
      if (tick % SAY_TICKS === 0) {
        say(
          `${tick} rounds: ${resident.at(-1)!.y.toFixed(0)} MiB, heap ${heap.at(-1)!.y.toFixed(1)} MiB`,
        );
      }
      await round(bench, tick);
      await pause(Math.max(0, due - now()));
    }
  });
  bench.runtimes.order({ type: 'traffic', on: false });
  await sample();
  const settled = (samples: Sample[]): Sample[] =>
    samples.slice(Math.floor(samples.length * WARM_UP));
  for (const [name, samples] of [
    ['rss', settled(resident)],
    ['heap', settled(heap)],
  ] as const) {
    report({ name: `${name}_slope`, value: slope(samples), unit: 'MiB per h' });
    report({ name: `${name}_first`, value: samples[0]!.y, unit: 'MiB' });
    report({ name: `${name}_last`, value: samples.at(-1)!.y, unit: 'MiB' });
  }
  report({ name: 'minutes', value: minutes, unit: 'min' });
}

async function round({ crowd, runtimes }: CrowdBench, tick: number): Promise<void> {
  const times = (count: number, work: (index: number) => Promise<void>): Promise<void>[] =>
    Array.from({ length: count }, (_, index) => work(tick * count + index));
  const seconds = `${30 + (tick % 60)}s`;
  for (let index = 0; index < PER_SECOND.circuits; index++) {
    const number = tick * PER_SECOND.circuits + index;
    const to = Math.floor(number / crowd.agents) % 2 === 0 ? 'Open' : 'Closed';
    runtimes.order({ type: 'change', key: crowd.keyOf(number), to });
  }
  await Promise.all([
    ...times(PER_SECOND.specs, (index) => crowd.changeSpec(index, seconds)),
    ...times(PER_SECOND.policies, (index) => crowd.changeBreaker(index, seconds)),
    ...times(PER_SECOND.pods, (index) => crowd.replacePod(index)),
    ...(tick % PASSING_TICKS === 0 ? [crowd.passingAgent(tick, () => pause(2_000))] : []),
  ]);
}
