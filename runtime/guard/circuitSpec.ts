import type { BreakerSpec, Override } from '../resilience/breakerSpec.ts';
import type { FailureClass } from '../resilience/outcome.ts';
import type { WindowSpec } from '../resilience/sampleWindow.ts';
import type { RateSpec, TripSpec } from '../resilience/trip.ts';
import type { Circuit, FailureRate } from '../../contract/generated/types.ts';
import type { WallTime } from './wallTime.ts';

/** Where no policy applies: the defaults of CircuitBreakerPolicy. */
export const DEFAULT_BREAKER: BreakerSpec = {
  trip: { consecutiveFailures: 5 },
  failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
  openDurationMs: 20_000,
  maxOpenDurationMs: 20_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
};

const DEFAULT_WINDOW_MS = 60_000;

/** How a circuit closes where no policy applies. */
export const DEFAULT_HALF_OPEN = { ...DEFAULT_BREAKER.halfOpen, queueTimeoutMs: 10_000 };

/** The spec of a breaker under a policy, or under the defaults if there is none. */
export function breakerSpec(circuit: Circuit | undefined, wallTime: WallTime): BreakerSpec {
  if (circuit === undefined) return DEFAULT_BREAKER;
  const { openDurationMs, maxOpenDurationMs, halfOpen, recovery, mode } = circuit;
  const override = overrideOf(circuit, wallTime);
  return {
    trip: tripSpec(circuit.trip),
    // A class that this version does not know never occurs.
    failureOn: circuit.failureOn as FailureClass[],
    openDurationMs,
    maxOpenDurationMs,
    halfOpen,
    rampUpMs: recovery.rampUpMs,
    shadow: mode === 'Shadow',
    ...(override && { override }),
  };
}

/** The longest window of time of the rules; undefined if none has one. */
export function longestWindowMs({ failureRate, slowCalls }: Circuit['trip']): number | undefined {
  const windows = [failureRate?.windowMs, slowCalls?.windowMs].filter((ms) => ms !== undefined);
  return windows.length === 0 ? undefined : Math.max(...windows);
}

function tripSpec({ consecutiveFailures, failureRate, slowCalls }: Circuit['trip']): TripSpec {
  return {
    ...(consecutiveFailures !== undefined && { consecutiveFailures }),
    ...(failureRate && { failureRate: rateSpec(failureRate) }),
    ...(slowCalls && {
      slowCalls: { ...rateSpec(slowCalls), slowerThanMs: slowCalls.slowerThanMs },
    }),
  };
}

function rateSpec({ percent, minimumCalls, windowMs, calls }: FailureRate): RateSpec {
  const window: WindowSpec =
    calls === undefined ? { windowMs: windowMs ?? DEFAULT_WINDOW_MS } : { calls };
  return { ...window, percent, minimumCalls };
}

function overrideOf({ override }: Circuit, wallTime: WallTime): Override | undefined {
  if (!override) return undefined;
  const { state, reason, expiresAt } = override;
  return {
    state,
    ...(reason !== undefined && { reason }),
    ...(expiresAt !== undefined && { until: wallTime.parse(expiresAt) }),
  };
}
