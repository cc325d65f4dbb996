import { describe, expect, it } from '@jest/globals';
import { Jitter, lengthened } from './jitter.ts';

const many = (next: () => number): number[] => Array.from({ length: 1000 }, next);

describe('a jitter', () => {
  it('shortens durations of policies evenly by up to two fifths', () => {
    const jitter = new Jitter('pod-1/model/primary');
    const factors = many(() => jitter.factor());
    expect(Math.min(...factors)).toBeGreaterThan(0.6);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const inside = factors.filter((each) => Math.floor((1 - each) / 0.04) === tenth);
      expect(inside.length).toBeGreaterThan(50);
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
    const factors = many(() => one!.factor());
    expect(many(() => same!.factor())).toEqual(factors);
    expect(many(() => other!.factor())).not.toEqual(factors);
  });

  it('spreads nothing without a seed', () => {
    expect(new Jitter().factor()).toBe(1);
    expect(lengthened(1234, new Jitter().share())).toBe(1234);
  });
});
