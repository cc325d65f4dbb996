import { describe, expect, it } from '@jest/globals';
import { Breaker } from './breaker.ts';
import { acquire } from '../testing/breakerCall.ts';
import { OK } from './outcome.ts';
import type { BreakerTransition } from './breaker.ts';
import type { BreakerSpec } from './breakerSpec.ts';
import type { Outcome } from './outcome.ts';

/**
 * Faults of gateways that cannot be driven from here, each as a claim that is put to a small stand-in
 * of what their documents say, where it fails, and to ours, where it holds.
 */

const OPEN_MS = 30_000;
const FAILURE: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };

/** Ends a call. */
type End = (served: boolean, now: number) => void;

/** Something that guards calls to two targets, of which the second is used when the first is not. */
interface Gateway {
  /** Undefined when the call is refused. */
  begin(now: number): End | undefined;
  /** Another time to stay open comes into force. */
  reload(openMs: number, now: number): void;
  /** What its metric says of the first target. */
  metric(): string;
}

/**
 * Portkey's gateway, by portkey.ai/docs/product/ai-gateway/circuit-breaker: a target opens at
 * failure_threshold and closes by itself after cooldown_interval, without a half-open state; when all
 * targets are open the breaker is bypassed. That page says nothing of reloads or a metric.
 */
class PortkeyStandIn implements Gateway {
  readonly #openUntil = [-Infinity, -Infinity];
  #openMs = OPEN_MS;

  begin(now: number): End {
    const closed = this.#openUntil.findIndex((until) => now >= until);
    const target = closed < 0 ? 0 : closed;
    return (served, at) => {
      if (!served) this.#openUntil[target] = at + this.#openMs;
    };
  }

  reload(openMs: number): void {
    this.#openMs = openMs;
  }

  metric(): string {
    return '';
  }
}

/**
 * Dapr's sidecar: a breaker with half-open of sony/gobreaker in memory (pkg/resiliency/breaker); a
 * changed Resiliency restarts the whole runtime in its process (v1.18 release notes and
 * pkg/runtime/hotreload/reconciler/sighup.go); the gauge dapr_resiliency_cb_state stays at half-open
 * after a recovery (dapr/dapr#10113).
 */
class DaprStandIn implements Gateway {
  #breakers = [ours(OPEN_MS), ours(OPEN_MS)];
  #gauge = 'Closed';

  begin(now: number): End | undefined {
    const end = beginAny(this.#breakers, now);
    this.#measure(now);
    return end && ((served, at) => [end(served, at), this.#measure(at)]);
  }

  reload(openMs: number): void {
    this.#breakers = [ours(openMs), ours(openMs)];
  }

  metric(): string {
    return this.#gauge;
  }

  #measure(now: number): void {
    const state = this.#breakers[0]!.state(now);
    if (this.#gauge !== 'HalfOpen' || state !== 'Closed') this.#gauge = state;
  }
}

/** Ours: a breaker for each target, told by its transitions. */
class Ours implements Gateway {
  readonly #told: BreakerTransition[] = [];
  readonly #breakers = [ours(OPEN_MS, (each) => this.#told.push(each)), ours(OPEN_MS)];

  begin(now: number): End | undefined {
    return beginAny(this.#breakers, now);
  }

  reload(openMs: number, now: number): void {
    for (const breaker of this.#breakers) breaker.apply(spec(openMs), now);
  }

  metric(): string {
    return this.#told.at(-1)?.to ?? 'Closed';
  }
}

function spec(openDurationMs: number): BreakerSpec {
  return {
    trip: { consecutiveFailures: 1 },
    failureOn: ['ServerError'],
    openDurationMs,
    maxOpenDurationMs: openDurationMs,
    halfOpen: { maxProbes: 1, successThreshold: 1 },
  };
}

function ours(openMs: number, told?: (transition: BreakerTransition) => void): Breaker {
  return new Breaker(spec(openMs), 0, told);
}

function beginAny(breakers: readonly Breaker[], now: number): End | undefined {
  for (const breaker of breakers) {
    const answer = acquire(breaker, now);
    if (answer.kind === 'Permit') return (served, at) => answer.settle(served ? OK : FAILURE, at);
  }
  return undefined;
}

/** Has both targets fail at 0. */
function fail(gateway: Gateway): void {
  gateway.begin(0)?.(false, 0);
  gateway.begin(0)?.(false, 0);
}

const CLAIMS: [string, new () => Gateway, (gateway: Gateway) => void][] = [
  [
    'after the open time no more calls go to a target at once than there are probes',
    PortkeyStandIn,
    (gateway) => {
      fail(gateway);
      const begun = Array.from({ length: 10 }, () => gateway.begin(OPEN_MS)).filter(Boolean);
      expect(begun).toHaveLength(2);
    },
  ],
  [
    'when every target is open nothing is called',
    PortkeyStandIn,
    (gateway) => {
      fail(gateway);
      for (let now = 0; now < OPEN_MS; now += 1000) expect(gateway.begin(now)).toBeUndefined();
    },
  ],
  [
    'an open circuit stays open over a reload, for the new time',
    DaprStandIn,
    (gateway) => {
      fail(gateway);
      gateway.reload(20_000, 10_000);
      expect(gateway.begin(19_999)).toBeUndefined();
      expect(gateway.begin(20_000)).toBeDefined();
    },
  ],
  [
    'a circuit that has recovered is shown as closed',
    DaprStandIn,
    (gateway) => {
      fail(gateway);
      expect(gateway.metric()).toBe('Open');
      const end = gateway.begin(OPEN_MS);
      expect(gateway.metric()).toBe('HalfOpen');
      end?.(true, OPEN_MS);
      expect(gateway.metric()).toBe('Closed');
    },
  ],
];

describe.each(CLAIMS)('%s', (_claim, StandIn, claim) => {
  it(`not so with what ${StandIn.name} stands in for`, () => {
    expect(() => claim(new StandIn())).toThrow(/expect\(/);
  });

  it('with ours', () => {
    claim(new Ours());
  });
});
