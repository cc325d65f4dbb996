import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { REFUND } from '../admission.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Content, Limit } from '../../../contract/generated/types.ts';
import type { AskedCall } from '../admission.ts';
import type { Rejection } from '../../errors/rejection.ts';
import type { Admission, Permit, Waiting } from '../permit.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const OVERLOADED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const [ENDPOINT] = content().endpoints;
const ONE_AT_A_TIME = { endpoints: [{ ...ENDPOINT!, maxConcurrent: 1 }] };

/** A guard with a clock, whose answers are taken apart. */
class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });

  constructor(parts: Partial<Content> = {}) {
    this.guard.apply(content(parts));
  }

  permit(asked: AskedCall = {}): Permit {
    const answer = this.guard.dependency(PRIMARY)!.acquire(asked);
    if (answer.kind !== 'Permit') throw new Error(JSON.stringify(answer));
    return answer;
  }

  wait(asked: AskedCall = {}): Waiting {
    const answer = this.guard.dependency(PRIMARY)!.acquire(asked);
    if (answer.kind !== 'Waiting') throw new Error(`it is a ${answer.kind}`);
    return answer;
  }

  refusal(asked: AskedCall = {}): Rejection {
    const answer = this.guard.dependency(PRIMARY)!.acquire(asked);
    if (answer.kind !== 'Rejection') throw new Error(`it is a ${answer.kind}`);
    return answer.rejection;
  }

  tokens(): number[] {
    return this.guard.stats().limits.map(({ tokens }) => tokens);
  }
}

function rejectionOf(admission: Admission): Rejection {
  if (admission.kind !== 'Rejection') throw new Error('it was granted');
  return admission.rejection;
}

function limits(...parts: Partial<Limit>[]): { limits: Limit[] } {
  return { limits: parts.map((each) => limitOf({ target: PRIMARY, ...each })) };
}

describe('a bulkhead', () => {
  const bulkhead = { maxConcurrent: 9, maxQueued: 2, acquireTimeoutMs: 5000 };

  it('lets calls wait in order, and no more than maxQueued', async () => {
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead });
    const first = bench.permit();
    const [second, third] = [bench.wait(), bench.wait()];
    expect(bench.refusal()).toEqual({
      reason: 'BulkheadFull',
      target: PRIMARY,
      retryAfterMs: 1000,
    });
    const granted: number[] = [];
    void second.admission.then(() => granted.push(2));
    void third.admission.then(() => granted.push(3));
    first.settle(OK);
    const permit = await second.admission;
    expect(granted).toEqual([2]);
    (permit as Permit).settle(OK);
    expect((await third.admission).kind).toBe('Permit');
    expect(bench.guard.stats().bulkheads).toMatchObject([
      { target: 'inbound', maxConcurrent: 9 },
      { target: PRIMARY, active: 1, queued: 0, rejected: 1 },
    ]);
  });

  it('does not make a call slow by its wait', async () => {
    const slowCalls = { percent: 100, slowerThanMs: 1000, calls: 10, minimumCalls: 1 };
    const circuits = [circuitOf({ trip: { slowCalls } })];
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead, circuits });
    const first = bench.permit();
    const second = bench.wait();
    bench.clock.advance(900);
    first.settle({ vote: 'ignored' });
    const third = bench.wait();
    bench.clock.advance(900);
    ((await second.admission) as Permit).settle(OK);
    expect(bench.guard.circuits()[0]!.state).toBe('Closed');
    const permit = (await third.admission) as Permit;
    bench.clock.advance(500);
    permit.firstToken();
    bench.clock.advance(2000);
    permit.settle(OK);
    expect(bench.guard.circuits()[0]!.state).toBe('Closed');
  });

  it('frees the place of a client that leaves', async () => {
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead });
    const first = bench.permit();
    const [second, third] = [bench.wait(), bench.wait()];
    second.cancel();
    second.cancel();
    first.settle(OK);
    expect(rejectionOf(await second.admission).reason).toBe('Timeout');
    expect((await third.admission).kind).toBe('Permit');
    expect(bench.guard.stats().circuits[0]).toMatchObject({ inFlight: 1 });
  });

  it('ends a wait after acquireTimeout, or at the deadline of the request', async () => {
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead });
    bench.permit();
    const long = bench.wait();
    const short = bench.wait({ deadlineAt: 1000 });
    bench.clock.advance(1000);
    expect(rejectionOf(await short.admission).reason).toBe('Timeout');
    bench.clock.advance(4000);
    expect(rejectionOf(await long.admission).reason).toBe('BulkheadFull');
    expect(bench.clock.pending()).toBe(0);
  });

  it('admits waiting calls when a new configuration has more room or no bulkhead', async () => {
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead });
    bench.permit();
    const [second, third] = [bench.wait(), bench.wait()];
    bench.guard.apply(content({ endpoints: [{ ...ENDPOINT!, maxConcurrent: 2 }], bulkhead }));
    expect((await second.admission).kind).toBe('Permit');
    bench.guard.apply(content({ endpoints: [{ ...ENDPOINT!, name: 'other' }] }));
    expect((await third.admission).kind).toBe('Permit');
  });

  it('rejects waiting calls as soon as the circuit opens', async () => {
    const circuits = [circuitOf({ trip: { consecutiveFailures: 1 } })];
    const bench = new Bench({ ...ONE_AT_A_TIME, bulkhead, circuits });
    const first = bench.permit();
    const second = bench.wait();
    first.settle(OVERLOADED);
    expect(rejectionOf(await second.admission).reason).toBe('CircuitBreakerOpen');
    expect(bench.guard.stats()).toMatchObject({
      circuits: [{ inFlight: 0 }],
      bulkheads: [{}, { active: 0, queued: 0 }],
    });
  });

  it('comes after the limits for requests, and returns their tokens', () => {
    const bench = new Bench({
      bulkhead: { maxConcurrent: 1, maxQueued: 0, acquireTimeoutMs: 1000 },
      limits: [limitOf()],
    });
    expect(bench.guard.inbound.acquire({}).kind).toBe('Permit');
    expect(bench.guard.inbound.acquire({})).toMatchObject({
      rejection: { reason: 'BulkheadFull' },
    });
    expect(bench.tokens()).toEqual([99]);
  });
});

describe('a limit that lets calls wait', () => {
  const queue: Partial<Limit> = { capacity: 1, onLimit: 'Queue', maxWaitMs: 250 };

  it('admits calls in order as tokens come, and rejects a call at once if it would wait longer than maxWait', async () => {
    const bench = new Bench(limits(queue));
    bench.permit();
    const waits = [bench.wait(), bench.wait()];
    expect(bench.refusal()).toMatchObject({
      reason: 'RateLimited',
      limit: 'requests',
      retryAfterMs: 300,
    });
    bench.clock.advance(100);
    expect((await waits[0]!.admission).kind).toBe('Permit');
    const third = bench.wait();
    bench.clock.advance(100);
    expect((await waits[1]!.admission).kind).toBe('Permit');
    bench.clock.advance(100);
    expect((await third.admission).kind).toBe('Permit');
    expect(bench.clock.pending()).toBe(0);
  });

  it('rejects at once if tokens do not come before the deadline of the request', () => {
    const bench = new Bench(limits(queue));
    bench.permit();
    expect(bench.refusal({ deadlineAt: 99 })).toMatchObject({ retryAfterMs: 100 });
    bench.wait({ deadlineAt: 100 });
  });

  it('rejects them after maxWait if possible refunds did not come', async () => {
    const bench = new Bench(limits({ ...queue, resource: 'OutputTokens', capacity: 100 }));
    const cost = { inputTokens: 0, outputTokens: 100 };
    const first = bench.permit({ cost });
    const second = bench.wait({ cost });
    bench.clock.advance(250);
    expect(rejectionOf(await second.admission)).toMatchObject({
      reason: 'RateLimited',
      retryAfterMs: 9750,
    });
    first.settle(OK);
    expect(bench.refusal({ cost })).toMatchObject({ retryAfterMs: 9750 });
    expect(bench.clock.pending()).toBe(0);
  });

  it('shares maxQueued fairly among keys: the key with the most calls makes room', async () => {
    const bench = new Bench({
      bulkhead: { maxConcurrent: 9, maxQueued: 4, acquireTimeoutMs: 5000 },
      ...limits({ ...queue, maxWaitMs: 10_000, key: { header: 'x-user-id' } }),
    });
    const of = (user: string): AskedCall => ({ header: () => user });
    for (const user of ['a', 'b', 'c']) bench.permit(of(user));
    const greedy = [1, 2, 3, 4].map(() => bench.wait(of('a')));
    expect(bench.refusal(of('a'))).toMatchObject({ reason: 'RateLimited' });
    const others = [bench.wait(of('b')), bench.wait(of('c'))];
    expect(rejectionOf(await greedy[3]!.admission).reason).toBe('RateLimited');
    expect(rejectionOf(await greedy[2]!.admission).reason).toBe('RateLimited');
    // Of two, one and one, no key has two more than another.
    expect(bench.refusal(of('b'))).toMatchObject({ reason: 'RateLimited' });
    bench.clock.advance(200);
    const served = await Promise.all(
      [...greedy.slice(0, 2), ...others].map((each) => each.admission),
    );
    expect(served.map(({ kind }) => kind)).toEqual(Array(4).fill('Permit'));
    expect(bench.clock.pending()).toBe(0);
  });

  it('in shadow mode counts as admitted what Enforce would have queued and admitted', () => {
    const asked: AskedCall = {};
    const bench = new Bench({
      bulkhead: { maxConcurrent: 99, maxQueued: 2, acquireTimeoutMs: 5000 },
      ...limits({ ...queue, mode: 'Shadow' }),
    });
    const rejected = (): number => bench.guard.stats().limits[0]!.rejected;
    const counts = [1, 2, 3, 4].map(() => {
      bench.permit(asked);
      return rejected();
    });
    // One at once, two after 100 and 200 ms, and none after 300 ms.
    expect(counts).toEqual([0, 0, 0, 1]);
    bench.clock.advance(100);
    bench.permit(asked);
    expect(rejected()).toBe(1);
    const short = new Bench(limits({ ...queue, mode: 'Shadow' }));
    short.permit(asked);
    short.permit({ deadlineAt: 50 });
    expect(short.guard.stats().limits[0]!.rejected).toBe(1);
  });

  it('in shadow mode rejects as many as Enforce does, for any times of arrival', () => {
    const trace = fc.array(fc.constantFrom(0, 0, 20, 70, 130, 400), {
      minLength: 5,
      maxLength: 50,
    });
    const property = fc.property(trace, fc.nat({ max: 4 }), (gaps, maxQueued) => {
      const [enforced, shadow] = (['Enforce', 'Shadow'] as const).map((mode) => {
        const bulkhead = { maxConcurrent: 999, maxQueued, acquireTimeoutMs: 5000 };
        const bench = new Bench({ bulkhead, ...limits({ ...queue, capacity: 2, mode }) });
        for (const ms of gaps) {
          bench.clock.advance(ms);
          bench.guard.dependency(PRIMARY)!.acquire({});
        }
        bench.clock.advance(1000);
        return bench.guard.stats().limits[0]!.rejected;
      });
      expect(shadow).toBe(enforced);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('admits them when another call returns unused tokens', async () => {
    const bench = new Bench(limits({ ...queue, resource: 'OutputTokens', capacity: 100 }));
    const cost = { inputTokens: 0, outputTokens: 80 };
    const first = bench.permit({ cost });
    const second = bench.wait({ cost });
    first.settle(OK, { outputTokens: 10 });
    expect((await second.admission).kind).toBe('Permit');
    expect(bench.tokens()).toEqual([10]);
  });

  it('lets no call overtake them', () => {
    const bench = new Bench(limits({ ...queue, resource: 'OutputTokens', capacity: 100 }));
    bench.permit({ cost: { inputTokens: 0, outputTokens: 80 } });
    bench.wait({ cost: { inputTokens: 0, outputTokens: 80 } });
    bench.wait({ cost: { inputTokens: 0, outputTokens: 1 } });
  });

  it('does not let one key delay another', () => {
    const bench = new Bench(limits({ ...queue, key: { header: 'x-user-id' } }));
    const of = (user: string): AskedCall => ({ header: () => user });
    bench.permit(of('a'));
    bench.wait(of('a'));
    bench.permit(of('b'));
  });

  it('forgets calls whose clients leave', () => {
    const bench = new Bench(limits(queue));
    bench.permit();
    bench.wait().cancel();
    bench.clock.advance(100);
    bench.permit();
  });
});

describe('limits of tokens', () => {
  const resources = ['Requests', 'InputTokens', 'OutputTokens', 'TotalTokens'];
  const all = limits(...resources.map((name) => ({ name, resource: name, capacity: 100 })));
  const cost = { inputTokens: 30, outputTokens: 50 };

  it('are reserved together and settled by usage', () => {
    const bench = new Bench(all);
    const permit = bench.permit({ cost });
    expect(bench.tokens()).toEqual([99, 70, 50, 20]);
    permit.settle(OK, { inputTokens: 20, outputTokens: 45 });
    expect(bench.tokens()).toEqual([99, 80, 55, 35]);
  });

  it('are all left untouched when one of them does not cover the call', () => {
    const bench = new Bench(all);
    bench.permit({ cost });
    expect(bench.refusal({ cost })).toMatchObject({ limit: 'TotalTokens', retryAfterMs: 6000 });
    expect(bench.tokens()).toEqual([99, 70, 50, 20]);
  });

  it('go below zero after higher usage, and calls wait until that is made up for', () => {
    const bench = new Bench(limits({ resource: 'OutputTokens', capacity: 100 }));
    bench.permit({ cost }).settle(OK, { outputTokens: 150 });
    expect(bench.tokens()).toEqual([-50]);
    expect(bench.refusal({ cost: { inputTokens: 0, outputTokens: 10 } }).retryAfterMs).toBe(6000);
  });

  it.each([
    ['all that was not used', REFUND, [100, 100, 100, 100]],
    ['nothing of what is not known', undefined, [99, 70, 50, 20]],
    ['what is known', { inputTokens: 10 }, [99, 90, 50, 20]],
  ] as const)('give back %s', (_name, actual, levels) => {
    const bench = new Bench(all);
    bench.permit({ cost }).settle(OK, actual);
    expect(bench.tokens()).toEqual(levels);
  });

  it('admit a call that costs more than the capacity when the bucket is full', () => {
    const bench = new Bench(limits({ resource: 'OutputTokens', capacity: 100 }));
    const permit = bench.permit({ cost: { inputTokens: 0, outputTokens: 64_000 } });
    expect(bench.tokens()).toEqual([0]);
    permit.settle(OK, { outputTokens: 30 });
    expect(bench.tokens()).toEqual([70]);
  });
});

describe('a limit in shadow mode', () => {
  it('counts calls that it would have rejected, and admits them', () => {
    const bench = new Bench(limits({ capacity: 2, mode: 'Shadow' }));
    for (let i = 0; i < 5; i += 1) bench.permit();
    expect(bench.guard.stats().limits).toMatchObject([{ requests: 5, rejected: 3, tokens: 0 }]);
  });
});

describe('a limit by key', () => {
  const keyed = limits({ capacity: 2, maxKeys: 2, key: { header: 'x-user-id' } });
  const of = (user: string): AskedCall => ({
    header: (name) => (name === 'x-user-id' ? user : ''),
  });

  it('has a bucket for each key, and one for all keys beyond maxKeys', () => {
    const bench = new Bench(keyed);
    for (const user of ['a', 'a', 'b', 'c', 'd']) bench.permit(of(user));
    expect(bench.refusal(of('a')).reason).toBe('RateLimited');
    expect(bench.refusal(of('e')).reason).toBe('RateLimited');
    expect(bench.guard.stats().limits).toMatchObject([{ keys: 2 }]);
  });

  it('drops a bucket only if it is full and has nothing to settle', () => {
    const bench = new Bench(keyed);
    const open = bench.permit(of('a'));
    bench.permit(of('b')).settle(OK);
    bench.clock.advance(1000);
    for (const user of ['c', 'd', 'd', 'c']) bench.permit(of(user));
    expect(bench.refusal(of('d')).reason).toBe('RateLimited');
    open.settle(OK);
    bench.permit(of('a'));
    bench.permit(of('a'));
    expect(bench.refusal(of('a')).reason).toBe('RateLimited');
  });

  it('distinguishes long keys', () => {
    const bench = new Bench(keyed);
    const long = 'x'.repeat(10_000);
    for (const user of [`${long}1`, `${long}1`, `${long}2`]) bench.permit(of(user));
    expect(bench.refusal(of(`${long}1`)).reason).toBe('RateLimited');
  });
});
