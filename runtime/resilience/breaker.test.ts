import { describe, expect, it } from '@jest/globals';
import { Breaker, NO_VOTE } from './breaker.ts';
import { IGNORED, OK } from './outcome.ts';
import { acquire } from '../testing/breakerCall.ts';
import type { BreakerCall } from '../testing/breakerCall.ts';
import type { BreakerTransition } from './breaker.ts';
import type { BreakerSpec } from './breakerSpec.ts';
import type { FailureClass, Outcome } from './outcome.ts';

const SPEC: BreakerSpec = {
  trip: { consecutiveFailures: 5 },
  failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
  openDurationMs: 60_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
};

function failure(name: FailureClass = 'Overloaded'): Outcome {
  return { vote: 'failure', class: name, message: name };
}

/** A further failure of the same request. */
const AGAIN: Outcome = { vote: 'failure', class: 'Overloaded', message: 'again', repeated: true };

function times<T>(count: number, outcome: T): T[] {
  return Array.from({ length: count }, () => outcome);
}

/** A breaker with a clock at `now`, and what is usually done to it. */
class Bench {
  now = 0;
  readonly transitions: BreakerTransition[] = [];
  readonly breaker: Breaker;

  constructor(spec: Partial<BreakerSpec> = {}) {
    this.breaker = new Breaker({ ...SPEC, ...spec }, 0, (each) => this.transitions.push(each));
  }

  state(): string {
    return this.breaker.state(this.now);
  }

  permit(): BreakerCall {
    const answer = acquire(this.breaker, this.now);
    if (answer.kind !== 'Permit') throw new Error(`rejected for ${answer.retryAfterMs} ms`);
    return answer;
  }

  call(outcome: Outcome): void {
    this.permit().settle(outcome, this.now);
  }

  open(): void {
    while (this.state() === 'Closed') this.call(failure());
  }

  halfOpen(): void {
    this.open();
    this.now += 60_000;
  }

  reasons(): string[] {
    return this.transitions.map(({ from, to, reason }) => `${from} → ${to}: ${reason}`);
  }
}

describe('a closed breaker', () => {
  it.each<[string, Outcome[], string]>([
    ['four failures', times(4, failure()), 'Closed'],
    ['five failures', times(5, failure()), 'Open'],
    ['a success in between', [...times(4, failure()), OK, failure()], 'Closed'],
    ['an ignored call in between', [...times(4, failure()), IGNORED, failure()], 'Open'],
    ['only ignored calls', times(50, IGNORED), 'Closed'],
    ['a class that does not count', times(50, failure('RateLimited')), 'Closed'],
    ['one request that fails again and again', [failure(), ...times(50, AGAIN)], 'Closed'],
    [
      'five requests, of which four fail twice',
      [...times(4, failure()).flatMap((each) => [each, AGAIN]), failure()],
      'Open',
    ],
  ])('after %s', (_name, outcomes, state) => {
    const bench = new Bench();
    for (const outcome of outcomes) bench.call(outcome);
    expect(bench.state()).toBe(state);
  });

  it('names the class of the last failure', () => {
    const bench = new Bench({ trip: { consecutiveFailures: 2 } });
    bench.call(failure('Timeout'));
    bench.call(failure('Connection'));
    expect(bench.reasons()).toEqual(['Closed → Open: 2 consecutive failures (Connection)']);
  });

  it('stays closed if its rule is off', () => {
    const bench = new Bench({ trip: {} });
    for (let i = 0; i < 100; i += 1) bench.call(failure());
    expect(bench.state()).toBe('Closed');
  });

  it('does not count a first token as a success: a stream that breaks off is a failure', () => {
    const bench = new Bench({ trip: { consecutiveFailures: 1 } });
    const permit = bench.permit();
    permit.firstToken(0);
    permit.settle(failure('InvalidResponse'), 0);
    expect(bench.state()).toBe('Open');
  });

  it('opens on calls that take longer than any window', () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i += 1) {
      const permit = bench.permit();
      bench.now += 3_600_000;
      permit.settle(failure('Timeout'), bench.now);
    }
    expect(bench.state()).toBe('Open');
  });
});

describe('a streak that chance explains', () => {
  /** Ends calls until the circuit opens, and returns how many it took. */
  const failuresUntilOpen = (bench: Bench): number => {
    let count = 0;
    for (; bench.state() === 'Closed'; count += 1) bench.call(failure());
    return count;
  };

  it('does not open the circuit: after 40 % of failures it takes 16', () => {
    const bench = new Bench();
    for (let i = 0; i < 20; i += 1) {
      for (const outcome of [OK, failure(), OK, failure(), OK]) bench.call(outcome);
    }
    expect(failuresUntilOpen(bench)).toBe(16);
  });

  it('is the only past of a circuit that closes: the next one takes six times the figure', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.call(OK);
    bench.call(OK);
    expect(failuresUntilOpen(bench)).toBe(30);
  });

  it('is forgotten by a reset', () => {
    const bench = new Bench();
    bench.open();
    bench.breaker.reset('reset token changed', bench.now);
    expect(failuresUntilOpen(bench)).toBe(5);
  });

  it('is reported to the fleet as what it is worth', () => {
    const bench = new Bench();
    for (const outcome of times(10, [OK, OK, failure(), OK, failure()]).flat()) bench.call(outcome);
    for (const outcome of [OK, ...times(7, failure())]) bench.call(outcome);
    expect(bench.breaker.tally(0).failuresInARow).toBe(2);
  });

  it('opens none that must stay closed', () => {
    const bench = new Bench();
    let serves = true;
    const record = (): void => {
      const generation = bench.breaker.acquire(0) as number;
      bench.breaker.record(generation, failure(), 0, 0, false, () => serves);
    };
    for (let i = 0; i < 100; i += 1) record();
    expect(bench.state()).toBe('Closed');
    serves = false;
    record();
    expect(bench.reasons()).toEqual(['Closed → Open: 101 consecutive failures (Overloaded)']);
  });
});

describe('an open breaker', () => {
  it('rejects with the remaining time in whole milliseconds', () => {
    const bench = new Bench();
    bench.open();
    bench.now = 59_999.5;
    expect(acquire(bench.breaker, bench.now)).toEqual({ kind: 'Rejection', retryAfterMs: 1 });
    expect(bench.breaker.nextDeadline(bench.now)).toBe(60_000);
  });

  it('is half-open when its time has passed, even without calls', () => {
    const bench = new Bench();
    bench.open();
    bench.now = 60_000;
    expect(bench.state()).toBe('HalfOpen');
    expect(bench.breaker.nextDeadline(bench.now)).toBeUndefined();
    bench.breaker.advance(bench.now);
    expect(bench.transitions.at(-1)).toEqual({
      from: 'Open',
      to: 'HalfOpen',
      reason: 'open for 60s',
      at: 60_000,
    });
  });

  it('stays open twice as long after each failed probe, up to the maximum', () => {
    const bench = new Bench({ maxOpenDurationMs: 200_000 });
    bench.halfOpen();
    const lengths = [1, 2, 3, 4].map(() => {
      bench.call(failure('Timeout'));
      const length = bench.breaker.nextDeadline(bench.now)! - bench.now;
      bench.now += length;
      return length;
    });
    expect(lengths).toEqual([120_000, 200_000, 200_000, 200_000]);
    expect(bench.reasons()[2]).toBe('HalfOpen → Open: probe failed (Timeout)');
  });

  it('never exceeds the maximum, however often it reopens', () => {
    const bench = new Bench();
    bench.halfOpen();
    for (let i = 0; i < 1100; i += 1) {
      bench.call(failure());
      bench.now += 600_000;
    }
    expect(bench.state()).toBe('HalfOpen');
  });

  it.each([
    ['at once', 0, 240_000],
    ['just before openDuration', 59_999, 240_000],
    ['after openDuration', 60_000, 120_000],
    ['after twice openDuration', 120_000, 60_000],
    ['after an hour', 3_600_000, 60_000],
  ])(
    'whose time was doubled twice, and which trips again %s (%i ms), stays open for %i ms',
    (_when, closedMs, openMs) => {
      const bench = new Bench();
      bench.halfOpen();
      bench.call(failure());
      bench.now += 120_000;
      bench.call(failure());
      bench.now += 240_000;
      bench.call(OK);
      bench.call(OK);
      bench.now += closedMs;
      bench.open();
      expect(bench.breaker.nextDeadline(bench.now)).toBe(bench.now + openMs);
    },
  );

  it('forgets the doublings when it is reset', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.call(failure());
    bench.breaker.reset('reset token changed', bench.now);
    bench.open();
    expect(bench.breaker.nextDeadline(bench.now)).toBe(bench.now + 60_000);
  });

  it.each([
    [60_000.9, '60s'],
    [1500, '1.5s'],
    [250, '0.2s'],
    [600_000, '600s'],
  ])('names the time that it was open: %d ms', (ms, text) => {
    const bench = new Bench({ openDurationMs: 250 });
    bench.open();
    bench.breaker.advance(ms);
    expect(bench.transitions.at(-1)!.reason).toBe(`open for ${text}`);
  });
});

describe('a half-open breaker', () => {
  it('closes after enough probes and forgets earlier failures', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.call(OK);
    expect(bench.state()).toBe('HalfOpen');
    bench.call(OK);
    expect(bench.reasons().at(-1)).toBe('HalfOpen → Closed: 2 of 2 probes succeeded');
    for (let i = 0; i < 4; i += 1) bench.call(failure());
    expect(bench.state()).toBe('Closed');
  });

  it('rejects all other calls at once while a probe runs', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.permit();
    const answers = Array.from({ length: 5 }, () => acquire(bench.breaker, bench.now).kind);
    expect(answers).toEqual(Array(5).fill('Rejection'));
  });

  it('stays half-open when a probe is cancelled, and admits the next one', () => {
    const bench = new Bench({ halfOpen: { maxProbes: 1, successThreshold: 1 } });
    bench.halfOpen();
    bench.call(IGNORED);
    expect(bench.state()).toBe('HalfOpen');
    bench.call(failure('ServerError'));
    expect(bench.state()).toBe('Open');
  });

  it.each<[string, Outcome]>([
    ['a bad request (400)', IGNORED],
    ['a class that does not count', failure('RateLimited')],
  ])('is not closed by a probe that was %s', (_name, outcome) => {
    const bench = new Bench({ halfOpen: { maxProbes: 1, successThreshold: 1 } });
    bench.halfOpen();
    for (let i = 0; i < 10; i += 1) bench.call(outcome);
    expect(bench.state()).toBe('HalfOpen');
  });

  it('ignores a success of a call from before it opened', () => {
    const bench = new Bench({ halfOpen: { maxProbes: 1, successThreshold: 1 } });
    const early = bench.permit();
    bench.halfOpen();
    early.settle(OK, bench.now);
    expect(bench.state()).toBe('HalfOpen');
    bench.permit();
    expect(acquire(bench.breaker, bench.now).kind).toBe('Rejection');
  });

  it('ignores a failure of a call from before it opened', () => {
    const bench = new Bench();
    const early = bench.permit();
    bench.halfOpen();
    bench.breaker.advance(bench.now);
    early.settle(failure(), bench.now);
    expect(bench.state()).toBe('HalfOpen');
  });

  it('frees the place of a probe at its first token, and counts its vote at its end', () => {
    const bench = new Bench();
    bench.halfOpen();
    const stream = bench.permit();
    expect(acquire(bench.breaker, bench.now).kind).toBe('Rejection');
    stream.firstToken(bench.now);
    stream.firstToken(bench.now);
    const second = bench.permit();
    expect(acquire(bench.breaker, bench.now).kind).toBe('Rejection');
    second.firstToken(bench.now);
    expect(bench.state()).toBe('HalfOpen');
    stream.settle(OK, bench.now);
    second.settle(OK, bench.now);
    expect(bench.state()).toBe('Closed');
  });

  it('admits no further probe while enough probes to close it have their first token', () => {
    const bench = new Bench({ halfOpen: { maxProbes: 1, successThreshold: 2 } });
    bench.halfOpen();
    const streams = [bench.permit()];
    streams[0]!.firstToken(bench.now);
    streams.push(bench.permit());
    streams[1]!.firstToken(bench.now);
    expect(acquire(bench.breaker, bench.now).kind).toBe('Rejection');
    streams[0]!.settle({ vote: 'ignored' }, bench.now);
    const third = bench.permit();
    streams[1]!.settle(OK, bench.now);
    third.settle(OK, bench.now);
    expect(bench.state()).toBe('Closed');
  });

  it('reopens when a probe breaks off after its first token', () => {
    const bench = new Bench();
    bench.halfOpen();
    const stream = bench.permit();
    stream.firstToken(bench.now);
    stream.settle(failure('InvalidResponse'), bench.now);
    expect(bench.state()).toBe('Open');
  });

  it('counts a steadily flowing probe before its end, and only once', () => {
    const bench = new Bench();
    bench.halfOpen();
    const streams = [bench.permit(), undefined];
    streams[0]!.firstToken(bench.now);
    streams[0]!.lasted(bench.now);
    expect(bench.state()).toBe('HalfOpen');
    streams[0]!.settle(failure('InvalidResponse'), bench.now);
    expect(bench.state()).toBe('HalfOpen');
    const second = bench.permit();
    second.firstToken(bench.now);
    second.lasted(bench.now);
    expect(bench.state()).toBe('Closed');
  });

  it('admits one more probe at a time after each success', () => {
    const bench = new Bench({ halfOpen: { maxProbes: 1, successThreshold: 10 } });
    bench.halfOpen();
    const admitted = (): number => {
      let count = 0;
      for (let i = 0; i < 20; i += 1) {
        const answer = acquire(bench.breaker, bench.now);
        if (answer.kind !== 'Permit') break;
        probes.push(answer);
        count += 1;
      }
      return count;
    };
    const probes: BreakerCall[] = [];
    expect(admitted()).toBe(1);
    probes.shift()!.settle(OK, bench.now);
    expect(admitted()).toBe(2);
    probes.shift()!.settle(OK, bench.now);
    expect(admitted()).toBe(2);
    expect(probes).toHaveLength(3);
  });

  it('stays half-open without a probe', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.permit().settle(OK, bench.now);
    bench.now += 86_400_000;
    bench.breaker.advance(bench.now);
    expect(bench.state()).toBe('HalfOpen');
    expect(bench.breaker.nextDeadline(bench.now)).toBeUndefined();
    bench.permit().settle(OK, bench.now);
    expect(bench.state()).toBe('Closed');
  });

  it('ignores the vote of a probe in the next state', () => {
    const bench = new Bench({
      trip: { consecutiveFailures: 1 },
      halfOpen: { maxProbes: 2, successThreshold: 1 },
    });
    bench.open = () => bench.call(failure());
    bench.halfOpen();
    const [fast, slow] = [bench.permit(), bench.permit()];
    fast.settle(OK, bench.now);
    slow.settle(failure(), bench.now);
    expect(bench.state()).toBe('Closed');
  });
});

describe('another spec', () => {
  it.each([
    ['longer', 90_000, 'Open', 90_000],
    ['shorter', 40_000, 'Open', 40_000],
    ['already over', 10_000, 'HalfOpen', undefined],
    ['above the maximum', 900_000, 'Open', 600_000],
  ])('counts the open time from the opening: %s', (_name, openDurationMs, state, deadline) => {
    const bench = new Bench();
    bench.open();
    bench.now = 30_000;
    bench.breaker.apply({ ...SPEC, openDurationMs }, bench.now);
    expect(bench.state()).toBe(state);
    expect(bench.breaker.nextDeadline(bench.now)).toBe(deadline);
  });

  it('names the time that it was open if the new time is already over', () => {
    const bench = new Bench();
    bench.open();
    bench.now = 30_000;
    bench.breaker.apply({ ...SPEC, openDurationMs: 10_000 }, bench.now);
    expect(bench.reasons().at(-1)).toBe('Open → HalfOpen: open for 30s');
  });

  it('keeps the number of failed probes', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.call(failure());
    bench.breaker.apply({ ...SPEC, openDurationMs: 5000 }, bench.now);
    expect(bench.breaker.nextDeadline(bench.now)).toBe(70_000);
  });

  it('does not open or close the circuit; thresholds apply at the next record', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i += 1) bench.call(failure());
    bench.breaker.apply({ ...SPEC, trip: { consecutiveFailures: 2 } }, bench.now);
    expect(bench.state()).toBe('Closed');
    bench.call(failure());
    expect(bench.reasons()).toEqual(['Closed → Open: 4 consecutive failures (Overloaded)']);
  });

  it('does not open a half-open circuit again if the new time is longer', () => {
    const bench = new Bench();
    bench.halfOpen();
    bench.breaker.apply({ ...SPEC, openDurationMs: 300_000 }, bench.now);
    expect(bench.state()).toBe('HalfOpen');
  });

  it('keeps calls in flight and their votes', () => {
    const bench = new Bench({ trip: { consecutiveFailures: 2 } });
    const permits = [bench.permit(), bench.permit()];
    bench.breaker.apply({ ...SPEC, openDurationMs: 1000, trip: { consecutiveFailures: 2 } }, 0);
    for (const permit of permits) permit.settle(failure(), 0);
    expect(bench.state()).toBe('Open');
  });

  it('counts other classes of failures from then on', () => {
    const bench = new Bench({ trip: { consecutiveFailures: 1 } });
    const trip = { consecutiveFailures: 1 };
    bench.breaker.apply({ ...SPEC, trip, failureOn: ['RateLimited'] }, 0);
    bench.call(failure('Overloaded'));
    expect(bench.state()).toBe('Closed');
    bench.call(failure('RateLimited'));
    expect(bench.state()).toBe('Open');
  });
});

describe('a call without a vote', () => {
  it('is admitted by an open circuit, and takes no place of a probe', () => {
    const bench = new Bench();
    bench.open();
    expect(bench.breaker.acquireWithoutVote(bench.now)).toBe(NO_VOTE);
    bench.now += 60_000;
    bench.breaker.acquireWithoutVote(bench.now);
    expect(acquire(bench.breaker, bench.now).kind).toBe('Permit');
    expect(acquire(bench.breaker, bench.now).kind).toBe('Rejection');
  });

  it('is rejected while an override holds the circuit open', () => {
    const { breaker, now } = new Bench({ override: { state: 'Open' } });
    expect(breaker.acquireWithoutVote(now)).toMatchObject({ kind: 'Rejection' });
    expect([breaker.admitsWithoutVote(now), breaker.rejections]).toEqual([false, 1]);
  });
});
