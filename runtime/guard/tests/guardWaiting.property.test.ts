import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import type { Content } from '../../../contract/generated/types.ts';
import type { GateReason } from '../../resilience/gates.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { AskedCall } from '../admission.ts';
import type { Admission, Permit, Waiting } from '../permit.ts';

const PRIMARY = 'model/primary';
const [ENDPOINT] = content().endpoints;

type Step =
  | { do: 'acquire'; asked: AskedCall }
  | { do: 'acquireInbound' }
  | { do: 'settle'; permit: number; outcome: Outcome; used: number | undefined }
  | { do: 'shutGate'; permit: number; reason: GateReason; ms: number | undefined }
  | { do: 'cancel'; waiting: number }
  | { do: 'advance'; ms: number }
  | { do: 'apply'; content: Content };

const configuration: fc.Arbitrary<Content> = fc
  .record({
    maxConcurrent: fc.constantFrom(undefined, 1, 2),
    maxQueued: fc.integer({ min: 0, max: 3 }),
    capacity: fc.constantFrom(1, 5, 50),
    onLimit: fc.constantFrom('Reject' as const, 'Queue' as const),
    keyed: fc.boolean(),
    failures: fc.integer({ min: 1, max: 3 }),
    queueTimeoutMs: fc.constantFrom(0, 80, 5000),
  })
  .map(({ maxConcurrent, maxQueued, capacity, onLimit, keyed, failures, queueTimeoutMs }) => {
    const halfOpen = { maxProbes: 1, successThreshold: 2, queueTimeoutMs };
    const trip = { consecutiveFailures: failures };
    const limit = { capacity, onLimit, maxKeys: 2, ...(keyed && { key: { header: 'x-user-id' } }) };
    return content({
      endpoints: [{ ...ENDPOINT!, ...(maxConcurrent !== undefined && { maxConcurrent }) }],
      bulkhead: { maxConcurrent: 2, maxQueued, acquireTimeoutMs: 500 },
      circuits: [circuitOf({ trip, openDurationMs: 200, halfOpen })],
      limits: [
        limitOf(limit),
        limitOf({ ...limit, target: PRIMARY, name: 'tokens', resource: 'TotalTokens' }),
      ],
    });
  });

const asked: fc.Arbitrary<AskedCall> = fc
  .record({
    user: fc.constantFrom('a', 'b', 'c'),
    outputTokens: fc.nat({ max: 60 }),
    hash: fc.constantFrom('m', 'm', 'n'),
  })
  .map(({ user, outputTokens, hash }) => ({
    header: () => user,
    cost: { inputTokens: 0, outputTokens },
    credential: { hash, mounted: hash === 'm' },
  }));

const outcome = fc.constantFrom<Outcome>(
  { vote: 'ok' },
  { vote: 'ok' },
  { vote: 'ignored' },
  { vote: 'failure', class: 'ServerError', message: 'HTTP 500' },
);
const index = fc.nat({ max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('acquire' as const), asked }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'acquireInbound' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      permit: index,
      outcome,
      used: fc.option(fc.nat({ max: 80 }), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('shutGate' as const),
      permit: index,
      reason: fc.constantFrom<GateReason>('RateLimited', 'Unauthorized'),
      ms: fc.constantFrom(undefined, 50),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), waiting: index }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 90, 600) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('apply' as const), content: configuration }),
  },
);

/** A guard under way, with all that it gave. */
class Run {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });
  readonly permits: Permit[] = [];
  readonly waiting: Waiting[] = [];

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case 'acquire':
        this.#keep(this.guard.dependency(PRIMARY)!.acquire(next.asked));
        break;
      case 'acquireInbound':
        this.#keep(this.guard.inbound.acquire({}));
        break;
      case 'settle':
        this.permits
          .splice(-1 - next.permit, 1)[0]
          ?.settle(next.outcome, next.used === undefined ? undefined : { outputTokens: next.used });
        break;
      case 'shutGate':
        this.permits.at(-1 - next.permit)?.refused(next.reason, next.ms);
        break;
      case 'cancel':
        this.waiting.at(-1 - next.waiting)?.cancel();
        break;
      case 'advance':
        this.clock.advance(next.ms);
        break;
      case 'apply':
        this.guard.apply(next.content);
    }
    // Whoever was granted hears of it.
    await Promise.resolve();
  }

  #keep(answer: Admission | Waiting): void {
    if (answer.kind === 'Permit') this.permits.push(answer);
    if (answer.kind !== 'Waiting') return;
    this.waiting.push(answer);
    void answer.admission.then((admission) => {
      if (admission.kind === 'Permit') this.permits.push(admission);
    });
  }
}

describe('for any trace of calls that wait, are cut short, refused, gated and reloaded', () => {
  it('nothing leaks: all waiting calls get an answer, and all places are free once all permits are settled', async () => {
    let waited = 0;
    const trace = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(configuration, trace, async (initial, steps) => {
      const run = new Run();
      run.guard.apply(initial);
      for (const next of steps) await run.take(next);
      waited += run.waiting.length;
      for (let rounds = 0; rounds < 200 && run.guard.stats().bulkheads.length > 0; rounds += 1) {
        for (const permit of run.permits.splice(0)) permit.settle({ vote: 'ignored' });
        await run.take({ do: 'advance', ms: 600 });
        // No call waits longer than in the queues of the circuit, the bulkhead and a limit.
        if (run.permits.length === 0 && rounds > 15) break;
      }
      await Promise.all(run.waiting.map(({ admission }) => admission));
      const { circuits, bulkheads, settledTwice } = run.guard.stats();
      expect(circuits.map(({ inFlight }) => inFlight)).toEqual([0]);
      for (const { active, queued } of bulkheads) expect([active, queued]).toEqual([0, 0]);
      expect(settledTwice).toBe(0);
      run.clock.advance(1_000_000);
      expect(run.clock.pending()).toBe(0);
    });
    await fc.assert(property, { numRuns: 1500 });
    expect(waited).toBeGreaterThan(500);
  });

  it('every request is counted once, and every call under way has a place in the bulkhead, whenever it began', async () => {
    let compared = 0;
    const kept = step.filter(({ do: what }) => what !== 'acquireInbound' && what !== 'shutGate');
    const trace = fc.array(kept, { minLength: 20, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(configuration, trace, async (initial, steps) => {
      const run = new Run();
      run.guard.apply(withoutQueues(initial));
      let asked = 0;
      for (const next of steps) {
        if (next.do === 'acquire') asked += 1;
        await run.take(
          next.do === 'apply' ? { ...next, content: withoutQueues(next.content) } : next,
        );
        // Those granted by what was granted before them hear of it too.
        for (let i = 0; i < 4; i += 1) await Promise.resolve();
        const { circuits, bulkheads } = run.guard.stats();
        const bulkhead = bulkheads.find(({ target }) => target === PRIMARY);
        expectSame(circuits[0]!.requests, asked);
        if (!bulkhead) continue;
        compared += 1;
        expectSame(bulkhead.active, run.permits.length);
      }
    });
    await fc.assert(property, { numRuns: 1500 });
    expect(compared).toBeGreaterThan(500);
  });
});

/** Nobody waits for a limit, who would have a place in the bulkhead meanwhile. */
function withoutQueues(initial: Content): Content {
  const limits = initial.limits.map((limit) => ({ ...limit, onLimit: 'Reject' as const }));
  return { ...initial, limits };
}
