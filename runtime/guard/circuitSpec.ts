import type { BreakerSpec, Override } from '../resilience/breakerSpec.ts';
import type { FailureClass } from '../resilience/outcome.ts';
import type { WindowSpec } from '../resilience/sampleWindow.ts';
import type { RateSpec, TripSpec } from '../resilience/trip.ts';
import type { Circuit, FailureRate } from '../../contract/generated/types.ts';
import type { WallTime } from './wallTime.ts';

/** What is in force where no policy applies; the same as the defaults of CircuitBreakerPolicy. */
const DEFAULTS: BreakerSpec = {
  trip: { consecutiveFailures: 5 },
  failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
  openDurationMs: 60_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
};

/** A window that is given in neither way is one of time, this long. */
const DEFAULT_WINDOW_MS = 60_000;

/** What a breaker is to go by for a policy, or by the defaults where there is none. */
export function breakerSpec(circuit: Circuit | undefined, wallTime: WallTime): BreakerSpec {
  if (circuit === undefined) return DEFAULTS;
  const { openDurationMs, maxOpenDurationMs, halfOpen, recovery, mode } = circuit;
  const override = overrideOf(circuit, wallTime);
  return {
    trip: tripSpec(circuit.trip),
    // Classes that this version does not know never occur.
    failureOn: (circuit.failureOn as FailureClass[] | undefined) ?? DEFAULTS.failureOn,
    openDurationMs,
    maxOpenDurationMs,
    halfOpen,
    rampUpMs: recovery?.rampUpMs ?? 0,
    shadow: mode === 'Shadow',
    ...(override && { override }),
  };
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
