import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { AttemptWatch } from './attemptWatch.ts';
import type { AttemptTimeouts } from './attemptWatch.ts';

const TIMEOUTS = { firstTokenMs: 60_000, streamIdleMs: 120_000, transportIdleMs: 45_000 };

function watching(timeouts: AttemptTimeouts = TIMEOUTS, stream = true) {
  const clock = new FakeClock();
  const cuts: [string, number][] = [];
  const caller = { blocked: false };
  const watch = new AttemptWatch({
    clock,
    timeouts,
    deadline: 300_000,
    stream,
    blocked: () => caller.blocked,
    cut: (why) => cuts.push([why, clock.now()]),
  });
  /** Lets time pass in steps, with something that comes at each. */
  const each = (stepMs: number, untilMs: number, come: () => void): void => {
    while (clock.now() < untilMs) {
      clock.advance(stepMs);
      come();
    }
  };
  return { clock, cuts, caller, watch, each };
}

describe('the watch over an attempt', () => {
  it('cuts at the first token’s time, pings or not', () => {
    const { watch, cuts, each } = watching();
    watch.began();
    each(1000, 100_000, () => watch.bytes());
    expect(cuts).toEqual([['FirstToken', 60_000]]);
  });

  it('cuts when nothing but pings comes', () => {
    const { watch, cuts, each } = watching();
    watch.began();
    watch.event();
    watch.firstToken();
    each(1000, 200_000, () => watch.bytes());
    expect(cuts).toEqual([['StreamIdle', 120_000]]);
  });

  it('cuts when no bytes come', () => {
    const { clock, watch, cuts } = watching();
    watch.began();
    watch.event();
    watch.firstToken();
    clock.advance(30_000);
    watch.bytes();
    clock.advance(100_000);
    expect(cuts).toEqual([['TransportIdle', 75_000]]);
  });

  it('cuts at the deadline whatever comes', () => {
    const { watch, cuts, each } = watching();
    watch.began();
    watch.firstToken();
    each(1000, 400_000, () => {
      watch.bytes();
      watch.event();
    });
    expect(cuts).toEqual([['Deadline', 300_000]]);
  });

  it('knows nothing but the deadline of what is not streamed', () => {
    const { clock, cuts } = watching(TIMEOUTS, false);
    clock.advance(400_000);
    expect(cuts).toEqual([['Deadline', 300_000]]);
  });

  it('does not take the silence of a caller for the endpoint’s', () => {
    const { clock, caller, watch, cuts } = watching();
    watch.began();
    watch.event();
    watch.firstToken();
    caller.blocked = true;
    clock.advance(200_000);
    expect(cuts).toEqual([]);
    caller.blocked = false;
    clock.advance(50_000);
    expect(cuts.map(([why]) => why)).toEqual(['TransportIdle']);
    watch.close();
    expect(clock.pending()).toBe(0);
  });
});
