import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { RecentCalls } from './recentCalls.ts';

const SECOND = 1000;

describe('the calls of the last 10 s', () => {
  it('equal those of a list, whose oldest leave by whole seconds', () => {
    const step = fc.record({
      ms: fc.constantFrom(0, 1, 400, 999, 3000, 9500, 25_000),
      ok: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 1_000_000 }), (steps, from) => {
        const recent = new RecentCalls();
        const all: { second: number; ok: boolean }[] = [];
        let now = from;
        for (const { ms, ok } of steps) {
          now += ms;
          const second = Math.floor(now / SECOND);
          recent.record(ok, now);
          all.push({ second, ok });
          const kept = all.filter((each) => each.second > second - 10);
          const served = kept.filter((each) => each.ok).length;
          expect(recent.counts(now)).toEqual({ calls: kept.length, served });
        }
        expect(recent.counts(now + 10 * SECOND)).toEqual({ calls: 0, served: 0 });
      }),
    );
  });

  it.each([
    [4, 0, { serve: false, mostlyFail: false }],
    [5, 45, { serve: true, mostlyFail: true }],
    [5, 46, { serve: false, mostlyFail: true }],
    [0, 4, { serve: false, mostlyFail: false }],
    [5, 5, { serve: true, mostlyFail: false }],
  ])('%d served and %d not', (served, failed, expected) => {
    const recent = new RecentCalls();
    for (let i = 0; i < served + failed; i += 1) recent.record(i < served, 0);
    const { serve, mostlyFail } = { serve: recent.serve(0), mostlyFail: recent.mostlyFail(0) };
    expect({ serve, mostlyFail }).toEqual(expected);
  });
});
