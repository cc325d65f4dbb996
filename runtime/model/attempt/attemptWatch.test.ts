import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { AttemptWatch } from './attemptWatch.ts';
import type { AttemptTimeouts } from './attemptWatch.ts';

const TIMEOUTS = {
  requestMs: 300_000,
  firstTokenMs: 60_000,
  streamMs: 600_000,
  streamIdleMs: 120_000,
  transportIdleMs: 45_000,
};

interface Circumstances {
  stream?: boolean;
  /** When the attempt starts, of the time of the request. */
  startMs?: number;
  endpoints?: number;
  /** Endpoints that the request could move to. */
  others?: number;
  /** Longest time that is usual for such an answer. */
  usualMs?: number;
  /** Whether the client has a head and pings already. */
  begun?: boolean;
}

function watching(timeouts: AttemptTimeouts = TIMEOUTS, circumstances: Circumstances = {}) {
  const { stream = true, startMs = 0, endpoints = 1 } = circumstances;
  const clock = new FakeClock();
  const cuts: [string, number][] = [];
  const pings: number[] = [];
  const client = {
    blocked: false,
    begun: circumstances.begun ?? false,
    ping: () => void pings.push(clock.now()),
  };
  const pool = { others: circumstances.others ?? endpoints - 1 };
  clock.advance(startMs);
  const watch = new AttemptWatch({
    permit: { flows: () => undefined },
    clock,
    timeouts,
    deadline: timeouts.requestMs,
    stream,
    endpoints,
    others: () => pool.others,
    client,
    usual: { usualMs: circumstances.usualMs },
    cut: (why) => cuts.push([why, clock.now()]),
  });
  /** Lets time pass in steps, with something that comes at each. */
  const each = (stepMs: number, untilMs: number, come: () => void): void => {
    while (clock.now() < untilMs) {
      clock.advance(stepMs);
      come();
    }
  };
  return { clock, cuts, pings, client, pool, watch, each };
}

describe('the watch over an attempt', () => {
  it('cuts after firstToken, with and without pings', () => {
    const { watch, cuts, each } = watching();
    watch.began();
    each(1000, 100_000, () => watch.bytes());
    expect(cuts).toEqual([['FirstToken', 60_000]]);
  });

  it('pings the client each 10 s from the headers of a stream to its content', () => {
    const { clock, watch, pings } = watching();
    clock.advance(5000);
    watch.began();
    clock.advance(32_000);
    watch.firstToken();
    clock.advance(20_000);
    expect(pings).toEqual([15_000, 25_000, 35_000]);
  });

  it('pings a client that waits since an earlier attempt from its start', () => {
    const { clock, watch, pings } = watching(TIMEOUTS, { begun: true });
    clock.advance(13_000);
    watch.began();
    clock.advance(10_000);
    expect(pings).toEqual([10_000, 20_000]);
  });

  it('lets a stream think with pings alone, for 10 minutes', () => {
    const { watch, cuts, each } = watching({ ...TIMEOUTS, streamMs: 3_600_000 });
    watch.began();
    watch.event();
    watch.firstToken();
    each(10_000, 590_000, () => watch.bytes());
    expect(cuts).toEqual([]);
    watch.event();
    each(10_000, 1_300_000, () => watch.bytes());
    expect(cuts).toEqual([['StreamIdle', 1_190_000]]);
  });

  it('cuts after streamIdle when no bytes come once a content block has opened', () => {
    const { clock, watch, cuts } = watching();
    watch.began();
    watch.event();
    watch.firstToken();
    clock.advance(30_000);
    watch.bytes();
    clock.advance(200_000);
    expect(cuts).toEqual([['StreamIdle', 150_000]]);
  });

  it.each([
    ['after the headers', (): void => undefined],
    ['after message_start', (watch: AttemptWatch): void => watch.event()],
  ])('cuts after transportIdle when no bytes come %s', (_name, come) => {
    const { clock, watch, cuts } = watching();
    watch.began();
    come(watch);
    clock.advance(100_000);
    expect(cuts).toEqual([['TransportIdle', 45_000]]);
  });

  it('lets a stream flow longer than timeouts.request, but not longer than timeouts.stream', () => {
    const { clock, watch, cuts, each } = watching();
    watch.began();
    clock.advance(20_000);
    watch.firstToken();
    each(1000, 700_000, () => {
      watch.bytes();
      watch.event();
    });
    expect(cuts).toEqual([['Stream', 620_000]]);
  });

  it('gives the only endpoint the whole time of an unstreamed request', () => {
    const { clock, cuts } = watching(TIMEOUTS, { stream: false });
    clock.advance(400_000);
    expect(cuts).toEqual([['Attempt', 300_000]]);
  });

  it.each([
    ['one of two endpoints', { endpoints: 2 }, 240_000],
    ['one of three endpoints', { endpoints: 3, others: 2 }, 180_000],
    ['one of three endpoints, of which one is left', { endpoints: 3, others: 1 }, 240_000],
    ['one of five endpoints', { endpoints: 5, others: 4 }, 150_000],
    ['the last of three endpoints', { endpoints: 3, others: 0 }, 300_000],
    [
      'the second of two, which has what is left',
      { endpoints: 2, others: 0, startMs: 200_000 },
      300_000,
    ],
    ['one of five endpoints with 15 s left', { endpoints: 5, startMs: 285_000 }, 295_000],
  ])('leaves a minute for each further endpoint: %s', (_name, circumstances, at) => {
    const { clock, cuts } = watching(TIMEOUTS, { stream: false, ...circumstances });
    clock.advance(400_000);
    expect(cuts).toEqual([['Attempt', at]]);
  });

  it.each([
    ['that is longer', 270_000, 270_000],
    ['that is shorter', 30_000, 30_000],
    ['under 10 s', 2000, 10_000],
    ['beyond the deadline', 800_000, 300_000],
  ])('gives an unstreamed attempt the time that its like take: %s', (_name, usualMs, at) => {
    const { clock, cuts } = watching(TIMEOUTS, { stream: false, endpoints: 2, usualMs });
    clock.advance(400_000);
    expect(cuts).toEqual([['Attempt', at]]);
  });

  it.each([
    [90_000, ['Deadline', 300_000]],
    [110_000, ['Attempt', 300_000]],
  ])(
    'blames the last endpoint only after the time in which nearly all answers come: %i ms',
    (leftMs, cut) => {
      const { clock, cuts } = watching(TIMEOUTS, {
        ...{ stream: false, endpoints: 2, others: 0, usualMs: 300_000 },
        startMs: 300_000 - leftMs,
      });
      clock.advance(400_000);
      expect(cuts).toEqual([cut]);
    },
  );

  it('shares the time to the first token of a stream equally', () => {
    const { firstTokenMs: _, ...timeouts } = TIMEOUTS;
    const { clock, cuts } = watching(timeouts, { endpoints: 3, usualMs: 20_000 });
    clock.advance(400_000);
    expect(cuts).toEqual([['Attempt', 100_000]]);
  });

  it('counts the remaining endpoints at the end of a share', () => {
    const { clock, cuts, pool } = watching(TIMEOUTS, { stream: false, endpoints: 3 });
    clock.advance(170_000);
    pool.others = 1;
    clock.advance(20_000);
    expect(cuts).toEqual([]);
    clock.advance(100_000);
    expect(cuts).toEqual([['Attempt', 240_000]]);
  });

  it.each([
    ['less than 10 s of a long request', TIMEOUTS, 290_001, ['Deadline', 300_000]],
    ['10 s of a long request', TIMEOUTS, 290_000, ['Attempt', 300_000]],
    ['less than half of a short request', { requestMs: 1000 }, 501, ['Deadline', 1000]],
    ['half of a short request', { requestMs: 1000 }, 500, ['Attempt', 1000]],
    [
      'less than timeouts.attempt',
      { ...TIMEOUTS, attemptMs: 9000 },
      295_000,
      ['Deadline', 300_000],
    ],
    ['timeouts.attempt', { ...TIMEOUTS, attemptMs: 9000 }, 100, ['Attempt', 9100]],
  ])('does not blame an endpoint before it had %s', (_name, timeouts, startMs, cut) => {
    const { clock, cuts } = watching(timeouts, { stream: false, startMs });
    clock.advance(400_000);
    expect(cuts).toEqual([cut]);
  });

  it('bounds the time to the first token by timeouts.attempt, but not the rest of a stream', () => {
    const timeouts = { ...TIMEOUTS, attemptMs: 30_000 };
    const late = watching(timeouts);
    late.clock.advance(100_000);
    expect(late.cuts).toEqual([['Attempt', 30_000]]);
    const { watch, cuts, clock, each } = watching(timeouts);
    watch.began();
    clock.advance(29_000);
    watch.firstToken();
    each(1000, 400_000, () => {
      watch.bytes();
      watch.event();
    });
    expect(cuts).toEqual([]);
  });

  it('does not mistake a slow client for a silent endpoint', () => {
    const { clock, client, watch, cuts } = watching();
    watch.began();
    watch.event();
    watch.firstToken();
    client.blocked = true;
    clock.advance(200_000);
    expect(cuts).toEqual([]);
    client.blocked = false;
    clock.advance(120_000);
    expect(cuts.map(([why]) => why)).toEqual(['StreamIdle']);
    watch.close();
    expect(clock.pending()).toBe(0);
  });
});
