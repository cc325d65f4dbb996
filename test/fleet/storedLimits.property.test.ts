import { expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import type { LimitStore } from '../../runtime/guard/limitStore.ts';
import type { Admission } from '../../runtime/guard/permit.ts';
import { OK } from '../../runtime/resilience/outcome.ts';
import { content, limitOf } from '../../runtime/testing/guardFixture.ts';
import { MemoryLimitStore } from '../../runtime/testing/memoryLimitStore.ts';
import fc from '../property.ts';
import { overrun, type Use } from './scene.ts';
import { VirtualTime, turns } from './virtualTime.ts';

const PODS = 3;
const MAX_PODS = 7;
/** How long a call holds its tokens. */
const HELD_MS = 30;
/** Pods ask a store again after this long. */
const ASKED_AGAIN_MS = 1000;
const KEYS = ['ann', 'bob'];

type Step =
  | { do: 'calls'; pod: number; key: string; count: number; cost: number; used: number }
  | { do: 'wait'; ms: number }
  | { do: 'outage'; ms: number }
  | { do: 'reload' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('calls' as const),
      pod: fc.nat({ max: PODS - 1 }),
      key: fc.constantFrom(...KEYS),
      count: fc.integer({ min: 1, max: 12 }),
      cost: fc.integer({ min: 1, max: 4 }),
      used: fc.nat({ max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 90, 700, 4000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('outage' as const), ms: fc.constantFrom(300, 5000) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'reload' as const }) },
);

const limit: fc.Arbitrary<Limit> = fc
  .record({
    amount: fc.integer({ min: 1, max: 10 }),
    capacity: fc.integer({ min: 4, max: 20 }),
    resource: fc.constantFrom('Requests' as const, 'InputTokens' as const),
    onLimit: fc.constantFrom('Reject' as const, 'Queue' as const),
    withoutLeader: fc.constantFrom('SafeShare' as const, 'Deny' as const),
  })
  .map(({ amount, withoutLeader, ...rest }) =>
    limitOf({
      ...rest,
      refill: { amount, perMs: 1000 },
      key: { header: 'x-user' },
      fleet: { store: 'Redis', storeTimeoutMs: 250, withoutLeader, maxPods: MAX_PODS },
    }),
  );

/** Pods that share a store, which messages reach after a delay. */
class Scene {
  readonly time = new VirtualTime(turns(20));
  readonly store = new MemoryLimitStore(() => this.time.now);
  readonly pods: Guard[];
  readonly uses = new Map<string, Use[]>(KEYS.map((key) => [key, []]));
  readonly limit: Limit;
  open = 0;

  constructor(shared: Limit, delayMs: number) {
    this.limit = shared;
    this.pods = Array.from({ length: PODS }, (_, i) => {
      const store: LimitStore = {
        run: async (operations) => {
          await this.#later(delayMs);
          const answers = await this.store.run(operations);
          await this.#later(delayMs);
          return answers;
        },
      };
      return new Guard({ clock: this.time.clock(i * 977.3), store });
    });
    this.apply();
  }

  apply(): void {
    for (const guard of this.pods) guard.apply(content({ limits: [this.limit] }));
  }

  call({ pod, key, cost, used }: Extract<Step, { do: 'calls' }>): void {
    this.open += 1;
    const answer = this.pods[pod]!.inbound.acquire({
      header: () => key,
      cost: { inputTokens: cost, outputTokens: 0 },
    });
    const take = (admission: Admission): void => {
      this.open -= 1;
      if (admission.kind === 'Rejection') return;
      const tokens = admission.reservation!.needed;
      const uses = this.uses.get(key)!;
      uses.push({ at: this.time.now, tokens, pod: String(pod) });
      this.time.after(HELD_MS, () => {
        const isWhole = this.limit.resource === 'Requests';
        const back = isWhole ? 0 : tokens - Math.min(tokens, used);
        if (back > 0) uses.push({ at: this.time.now, tokens: -back, pod: String(pod) });
        admission.settle(OK, { inputTokens: tokens - back, outputTokens: 0 });
      });
    };
    if (answer.kind === 'Waiting') void answer.admission.then(take);
    else take(answer);
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'calls') for (let i = 0; i < next.count; i += 1) this.call(next);
    if (next.do === 'reload') this.apply();
    if (next.do === 'outage') this.store.up = false;
    await this.time.pass('ms' in next ? next.ms : 1);
    this.store.up = true;
  }

  #later(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(ms, resolve));
  }
}

it('pods never admit more of a key than its limit, and no call waits forever', async () => {
  await fc.assert(
    fc.asyncProperty(
      limit,
      fc.constantFrom(0, 1, 40),
      fc.array(step, { minLength: 5, maxLength: 25, size: 'max' }),
      async (shared, delayMs, steps) => {
        const scene = new Scene(shared, delayMs);
        for (const next of steps) await scene.take(next);
        await scene.time.pass(30_000);
        expect(scene.open).toBe(0);
        // Pods notice one after another that the store is gone or back. Until then they exceed the limit by at most
        // their safe shares.
        const isLost = steps.some((each) => each.do === 'outage');
        const slack =
          isLost && shared.fleet!.withoutLeader === 'SafeShare'
            ? (shared.capacity * PODS) / MAX_PODS
            : 0;
        const refilled = (ms: number): number => (ms * shared.refill.amount) / shared.refill.perMs;
        // A call is admitted a little later than the store grants its tokens.
        const inOrder = refilled(2 * delayMs + 2);
        // Unused tokens come back while others are under way. Those of an outage come back when pods ask the store
        // again. A bucket that is full by then does not take them.
        const outages = steps.flatMap((each) =>
          each.do === 'outage' ? [each.ms + ASKED_AGAIN_MS] : [],
        );
        const back = shared.capacity / 10 + refilled(outages.reduce((sum, ms) => sum + ms, 0));
        const underWay = inOrder + (shared.resource === 'Requests' ? 0 : back);
        for (const uses of scene.uses.values()) {
          expect(overrun(uses, shared)).toBeLessThanOrEqual(slack + underWay + 1e-3);
        }
        // Afterwards every pod serves every key.
        await scene.time.pass(30_000);
        for (const uses of scene.uses.values()) uses.length = 0;
        const [pod, key] = [PODS - 1, 'bob'];
        scene.call({ do: 'calls', pod, key, count: 1, cost: 1, used: 1 });
        await scene.time.pass(500);
        expect(scene.uses.get(key)!.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 60 },
  );
});
