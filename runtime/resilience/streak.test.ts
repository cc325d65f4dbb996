import { describe, expect, it } from '@jest/globals';
import { Streak } from './streak.ts';

/** A streak after `votes` of which `failures` failed, evenly spread, and a success. */
function after(votes: number, failures: number): Streak {
  const streak = new Streak();
  for (let i = 0; i < votes; i += 1) {
    const failed = Math.floor(((i + 1) * failures) / votes) > Math.floor((i * failures) / votes);
    if (failed) streak.failed();
    else streak.succeeded();
  }
  return streak;
}

describe('how many failures in a row are no chance', () => {
  it.each([
    [0, 0, 5],
    [1, 0, 5],
    [50, 2, 5],
    [50, 10, 9],
    [50, 20, 16],
    [50, 30, 28],
    [50, 45, 30],
  ])('of %d votes %d failed: %d instead of 5', (votes, failures, needed) => {
    const streak = after(votes - 1, failures);
    if (votes > 0) streak.succeeded();
    expect(streak.needed(5)).toBe(needed);
  });

  it('counts only the last 64 votes before the streak', () => {
    const streak = after(200, 199);
    for (let i = 0; i < 64; i += 1) streak.succeeded();
    for (let i = 0; i < 100; i += 1) streak.failed();
    expect(streak.needed(5)).toBe(5);
    streak.succeeded();
    expect(streak.needed(5)).toBe(30);
  });

  it('counts a repeated failure in the past, not in the streak', () => {
    const streak = new Streak();
    streak.failed();
    streak.failed(false);
    expect(streak.length).toBe(1);
    for (let i = 0; i < 8; i += 1) streak.succeeded();
    expect(streak.needed(5)).toBe(Math.ceil((5 * 2.8) / Math.log(10 / 2)));
  });

  it('keeps a settled streak as the only past', () => {
    const streak = after(60, 20);
    streak.succeeded();
    for (let i = 0; i < 6; i += 1) streak.failed();
    streak.settle();
    expect(streak.length).toBe(0);
    expect(streak.needed(5)).toBe(30);
    for (let i = 0; i < 24; i += 1) streak.succeeded();
    expect(streak.needed(5)).toBe(Math.ceil((5 * 2.8) / Math.log(30 / 6)));
  });
});

it('a circuit of a provider that fails 40 % at random stays closed', () => {
  const streak = new Streak();
  let state = 7;
  let longest = 0;
  for (let i = 0; i < 100_000; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (state / 2 ** 32 < 0.4) streak.failed();
    else streak.succeeded();
    longest = Math.max(longest, streak.length / streak.needed(5));
  }
  expect(longest).toBeLessThan(1);
});
