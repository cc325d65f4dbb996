import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import { TimerWheel } from './timerWheel.ts';
import type { Watched } from './timerWheel.ts';

/** Looked at at the times noted; `again` says when next. */
function watched(clock: FakeClock, again: () => number | undefined = () => undefined) {
  const looks: number[] = [];
  const each: Watched = {
    check: () => {
      looks.push(clock.now());
      return again();
    },
  };
  return { each, looks };
}

describe('a timer wheel', () => {
  it('looks no earlier than asked and at most a tick later, with one timer for all', () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 25);
    const looks = Array.from({ length: 100 }, (_, i) => {
      const one = watched(clock);
      wheel.watch(one.each, i * 7);
      return one.looks;
    });
    expect(clock.pending()).toBe(1);
    for (let ms = 0; ms < 800; ms += 1) clock.advance(1);
    looks.forEach((times, i) => {
      expect(times).toHaveLength(1);
      expect(times[0]!).toBeGreaterThanOrEqual(i * 7);
      expect(times[0]!).toBeLessThanOrEqual(i * 7 + 26);
    });
    expect([wheel.size, clock.pending()]).toEqual([0, 0]);
  });

  it('looks again when it is told to, and not at what is over', () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 25);
    const often = watched(clock, () => (clock.now() < 200 ? clock.now() + 100 : undefined));
    const never = watched(clock);
    wheel.watch(often.each, 100);
    wheel.watch(never.each, 100);
    wheel.unwatch(never.each);
    clock.advance(1000);
    expect(often.looks).toEqual([100, 200]);
    expect(never.looks).toEqual([]);
  });

  it('may be put off and brought forward, and looks once after a stall', () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 25);
    const one = watched(clock);
    wheel.watch(one.each, 1000);
    wheel.watch(one.each, 100);
    clock.stall(5000);
    clock.advance(0);
    expect(one.looks).toEqual([5000]);
  });

  it('may be changed while it looks', () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 25);
    const second = watched(clock);
    const first = watched(clock, () => {
      wheel.unwatch(second.each);
      wheel.unwatch(first.each);
      return clock.now() + 10;
    });
    wheel.watch(first.each, 50);
    wheel.watch(second.each, 50);
    clock.advance(500);
    expect([first.looks, second.looks, wheel.size]).toEqual([[50], [], 0]);
  });
});
