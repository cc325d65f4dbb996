import { describe, expect, it } from '@jest/globals';
import { Jitter, lengthened, opened } from './jitter.ts';

const many = (next: () => number): number[] => Array.from({ length: 1000 }, next);

describe('a jitter', () => {
  it('lengthens open durations evenly, by at most 10 s and as long again', () => {
    const jitter = new Jitter('pod-1/model/primary');
    for (const [ms, most] of [
      [20_000, 10_000],
      [600_000, 10_000],
      [5000, 5000],
    ] as const) {
      const added = many(() => opened(ms, jitter.share()) - ms);
      expect(Math.min(...added)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...added)).toBeLessThanOrEqual(most);
      for (let tenth = 0; tenth < 10; tenth += 1) {
        const inside = added.filter((each) => Math.floor((10 * each) / most) === tenth);
        expect(inside.length).toBeGreaterThan(50);
      }
    }
  });

  it('only lengthens waits of providers, by at most a fifth and 10 s', () => {
    const jitter = new Jitter('pod-1');
    for (const ms of many(() => lengthened(1000, jitter.share()))) {
      expect(ms).toBeGreaterThanOrEqual(1000);
      expect(ms).toBeLessThanOrEqual(1200);
    }
    for (const ms of many(() => lengthened(3_600_000, jitter.share()))) {
      expect(ms).toBeGreaterThanOrEqual(3_600_000);
      expect(ms).toBeLessThanOrEqual(3_610_000);
    }
  });

  it('depends only on its seed', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((seed) => new Jitter(seed));
    const factors = many(() => one!.share());
    expect(many(() => same!.share())).toEqual(factors);
    expect(many(() => other!.share())).not.toEqual(factors);
  });

  it('spreads nothing without a seed', () => {
    expect(new Jitter().share()).toBe(0);
    expect(lengthened(1234, new Jitter().share())).toBe(1234);
  });
});
