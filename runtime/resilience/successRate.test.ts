import { describe, expect, it } from '@jest/globals';
import { IGNORED, OK } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { RECENT_MS, SuccessRate } from './successRate.ts';

const FAILED: Outcome = { vote: 'failure', class: 'ServerError', message: '' };

describe('the share of successes', () => {
  it('counts recent calls, and is 1 without any', () => {
    const rate = new SuccessRate();
    expect(rate.share(0)).toBe(1);
    rate.record(FAILED, 0);
    expect(rate.share(0)).toBe(0);
    for (let i = 0; i < 3; i += 1) rate.record(OK, 10_000);
    expect(rate.share(10_000)).toBe(0.75);
    expect(rate.share(RECENT_MS + 20_000)).toBe(1);
  });

  it('leaves out calls that say nothing about the dependency', () => {
    const rate = new SuccessRate();
    rate.record(IGNORED, 0);
    rate.record(FAILED, 0);
    expect(rate.share(0)).toBe(0);
  });
});
