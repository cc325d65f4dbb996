import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { SampleWindow } from './sampleWindow.ts';
import type { WindowSpec } from './sampleWindow.ts';

const extent: fc.Arbitrary<WindowSpec> = fc.oneof(
  fc.record({ windowMs: fc.constantFrom(1000, 3000, 60_000) }),
  fc.record({ calls: fc.constantFrom(1, 5, 50) }),
);
type Step = { do: 'record'; hit: boolean; ms: number } | { do: 'apply'; extent: WindowSpec };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      hit: fc.boolean(),
      ms: fc.constantFrom(0, 0, 10, 900, 2500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), extent }) },
);

describe('for any trace of calls and of windows of either kind', () => {
  it('exactly the calls inside of the window are counted', () => {
    const trace = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' });
    const property = fc.property(extent, trace, (initial, steps) => {
      const window = new SampleWindow();
      window.apply(initial);
      let inForce = initial;
      let mixed = false;
      let now = 0;
      let samples: { at: number; hit: boolean }[] = [];
      for (const next of steps) {
        if (next.do === 'apply') {
          // Calls of one second lose their order in a window of time.
          mixed ||= 'calls' in next.extent && 'windowMs' in inForce;
          inForce = next.extent;
          window.apply(inForce);
          window.expire(now);
        } else {
          now += next.ms;
          window.record(next.hit, now);
          samples.push({ at: now, hit: next.hit });
        }
        samples = inside(samples, inForce, now);
        const hits = samples.filter(({ hit }) => hit).length;
        const right = mixed
          ? window.hits >= 0 && window.hits <= window.calls
          : window.hits === hits;
        if (window.calls !== samples.length || !right) {
          throw new Error(`${window.hits} of ${window.calls}, not ${hits} of ${samples.length}`);
        }
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});

function inside<Sample extends { at: number }>(
  samples: Sample[],
  spec: WindowSpec,
  now: number,
): Sample[] {
  if ('calls' in spec) return samples.slice(-spec.calls);
  const second = (ms: number): number => Math.floor(ms / 1000);
  return samples.filter(({ at }) => second(now) - second(at) < spec.windowMs / 1000);
}
