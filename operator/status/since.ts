import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import { inState, severity, type PodCircuit, type WorstState } from './circuits.ts';
import { earliest, latest, reportedTime } from './reported.ts';

/**
 * When the policy's state became `state`; as before while it stays. Pods know it better than the operator, which may
 * have been away; what they cannot know, such as that a pod with an open circuit is gone, is dated now.
 */
export function lastTransitionTime(
  state: WorstState,
  seen: readonly PodCircuit[],
  previous: Pick<CircuitBreakerPolicyStatus, 'state' | 'lastTransitionTime'> | undefined,
  now: Date,
): string {
  const { state: from, lastTransitionTime: before } = previous ?? {};
  if (from === state && before !== undefined) return before;
  const present = now.toISOString();
  const entered = enteredAt(state, from, seen) ?? present;
  const stale = isKnown(from) && Date.parse(entered) < Date.parse(before ?? '');
  return stale || entered > present ? present : entered;
}

function isKnown(state: WorstState | undefined): state is WorstState {
  return state !== undefined && state !== 'Unknown';
}

/** A worse state began with the first circuit that entered it, a better one with the last circuit that changed. */
function enteredAt(
  state: WorstState,
  from: WorstState | undefined,
  seen: readonly PodCircuit[],
): string | undefined {
  const times = (some: readonly PodCircuit[]): (string | undefined)[] =>
    some.map(({ circuit }) => reportedTime(circuit?.since));
  const improved = state === 'Closed' || (isKnown(from) && severity(state) < severity(from));
  return improved ? latest(times(seen)) : earliest(times(inState(seen, state)));
}
