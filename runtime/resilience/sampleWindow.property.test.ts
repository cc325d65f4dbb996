import { describe, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { SampleWindow } from './sampleWindow.ts';
import { NaiveWindow } from '../testing/naiveWindow.ts';
import type { WindowSpec } from './sampleWindow.ts';

const extent: fc.Arbitrary<WindowSpec> = fc.oneof(
  fc.record({ windowMs: fc.constantFrom(1000, 3000, 60_000) }),
  fc.record({ calls: fc.constantFrom(1, 5, 50) }),
);
const record = fc.record({
  do: fc.constant('record' as const),
  hit: fc.boolean(),
  ms: fc.constantFrom(0, 0, 10, 90, 900, 2500),
});
const apply = fc.record({ do: fc.constant('apply' as const), extent });
type Step = { do: 'record'; hit: boolean; ms: number } | { do: 'apply'; extent: WindowSpec };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: record },
  { weight: 1, arbitrary: apply },
);

describe('for any trace of calls and of windows of either kind', () => {
  const trace = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' });

  it('exactly the calls whose cell is within the window count', () => {
    const property = fc.property(extent, trace, (initial, steps) => {
      const window = new SampleWindow();
      window.apply(initial);
      const naive = new NaiveWindow(initial);
      let now = 0;
      for (const next of steps) {
        if (next.do === 'apply') {
          naive.apply(next.extent);
          window.apply(next.extent);
          window.expire(now);
        } else {
          now += next.ms;
          window.record(next.hit, now);
          naive.record(next.hit, now);
        }
        const samples = naive.expire(now);
        const hits = samples.filter(({ hit }) => hit).length;
        const right = naive.mixed
          ? window.hits >= 0 && window.hits <= window.calls
          : window.hits === hits;
        // Once mixed, the cells of the two may differ, but both stay bounded.
        const counted = naive.mixed || window.calls === samples.length;
        if (!counted || !right) {
          throw new Error(`${window.hits} of ${window.calls}, not ${hits} of ${samples.length}`);
        }
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('no call leaves a window of time late, and none more than a tenth of the window early', () => {
    const waits = fc.array(fc.constantFrom(0, 1, 7, 50, 99, 100, 101, 400, 999, 2500), {
      minLength: 5,
      maxLength: 60,
      size: 'max',
    });
    const windowMs = fc.constantFrom(1000, 1500, 10_000);
    const property = fc.property(windowMs, waits, (length, steps) => {
      const window = new SampleWindow();
      window.apply({ windowMs: length });
      const ends: number[] = [];
      let now = 0;
      for (const ms of steps) {
        now += ms;
        window.record(true, now);
        ends.push(now);
        const within = (time: number): number => ends.filter((at) => at > now - time).length;
        const [least, most] = [within(0.9 * length), within(length)];
        if (window.calls < least || window.calls > most)
          throw new Error(`${window.calls} calls, not ${least} to ${most}`);
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
