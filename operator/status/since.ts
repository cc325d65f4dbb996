import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import type { BreakerSummary } from './breakerSummary.ts';
import { severity, type WorstState } from './circuits.ts';

type CircuitTimes = Pick<BreakerSummary, 'latestSince' | 'states'>;

/**
 * When the policy entered its state. The time comes from pods, because the operator may have been away. Changes that pods
 * cannot report, such as the end of a pod with an open circuit, get the present time.
 */
export function lastTransitionTime(
  state: WorstState,
  times: CircuitTimes,
  previous: Pick<CircuitBreakerPolicyStatus, 'state' | 'lastTransitionTime'> | undefined,
  now: Date,
): string {
  const { state: from, lastTransitionTime: before } = previous ?? {};
  if (from === state && before !== undefined) return before;
  const present = now.toISOString();
  const entered = enteredAt(state, from, times) ?? present;
  const stale = isKnown(from) && Date.parse(entered) < Date.parse(before ?? '');
  return stale || entered > present ? present : entered;
}

function isKnown(state: WorstState | undefined): state is WorstState {
  return state !== undefined && state !== 'Unknown';
}

/** A worse state begins with the first circuit that entered it, a better one with the last circuit that changed. */
function enteredAt(
  state: WorstState,
  from: WorstState | undefined,
  { latestSince, states }: CircuitTimes,
): string | undefined {
  const improved = state === 'Closed' || (isKnown(from) && severity(state) < severity(from));
  return improved ? latestSince : states[state].since;
}
