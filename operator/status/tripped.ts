import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { truncate } from '../desired/common/wording.ts';
import type { BreakerSummary } from './breakerSummary.ts';
import { circuitName, MAX_REASON, type WorstState } from './circuits.ts';

type Draft = Omit<ConditionDraft, 'type'>;
type Seen = Pick<BreakerSummary, 'circuits' | 'states'>;

const MAX_NAMED = 8;

/**
 * The condition Tripped is True until every circuit is closed again. In shadow mode it is never True, with the reason
 * Shadow. While the policy's override holds circuits in their state, its reason is Override.
 */
export function tripped(
  { spec }: CircuitBreakerPolicy,
  state: WorstState,
  seen: Seen,
  now: Date,
): ConditionDraft {
  const { status, reason, message } =
    shadowed(spec.mode, state, seen) ??
    overridden(spec.override, state, seen) ??
    usual(state, seen);
  const past = hasExpired(spec.override, now)
    ? ` spec.override.expiresAt is in the past (${spec.override.expiresAt}), so that the override holds nothing; remove it or set a later time.`
    : '';
  return { type: 'Tripped', status, reason, message: message + past };
}

type Override = CircuitBreakerPolicy['spec']['override'];

/** Whether an override is over, or was over when it was set. */
export function hasExpired<O extends { expiresAt?: string }>(
  override: O | undefined,
  now: Date,
): override is O & { expiresAt: string } {
  return override?.expiresAt !== undefined && Date.parse(override.expiresAt) <= now.getTime();
}

function usual(state: WorstState, seen: Seen): Draft {
  const affected = affectedBy(state, seen);
  const drafts: Record<WorstState, Draft> = {
    Open: {
      status: 'True',
      reason: 'CircuitOpen',
      message: `Calls fail at once on ${affected}${because(state, seen)}. They are tried again on their own; see nextProbe.`,
    },
    HalfOpen: {
      status: 'True',
      reason: 'CircuitHalfOpen',
      message: `Only probes are let through on ${affected}; success closes the circuit.`,
    },
    Closed: { status: 'False', reason: 'Closed', message: 'Every circuit is closed.' },
    Unknown: {
      status: 'Unknown',
      reason: 'NoReports',
      message: 'No connected pod reports its circuits.',
    },
  };
  return drafts[state];
}

function shadowed(
  mode: CircuitBreakerPolicy['spec']['mode'],
  state: WorstState,
  seen: Seen,
): Draft | undefined {
  if (mode !== 'Shadow' || state === 'Unknown') return undefined;
  const found =
    state === 'Closed'
      ? 'Every circuit is closed.'
      : `Enforced, calls would fail at once on ${affectedBy(state, seen)}${because(state, seen)}.`;
  return { status: 'False', reason: 'Shadow', message: `Nothing is rejected. ${found}` };
}

function overridden(override: Override, state: WorstState, seen: Seen): Draft | undefined {
  if (override === undefined || !seen.states[state].overridden) return undefined;
  const why = override.reason === undefined ? '' : ` (${truncate(override.reason, MAX_REASON)})`;
  const end = override.expiresAt === undefined ? 'it is removed' : override.expiresAt;
  const open = state === 'Open';
  return {
    status: open ? 'True' : 'False',
    reason: 'Override',
    message: `spec.override${why} holds circuits ${open ? 'open' : 'closed'} until ${end}: ${affectedBy(state, seen)}.`,
  };
}

/** @param state the worst state: the summary may lack circuits in better states */
function affectedBy(state: WorstState, { circuits }: Seen): string {
  return circuits
    .filter((circuit) => circuit.state === state)
    .map((circuit) => `${circuitName(circuit)} of ${circuit.agent} in ${circuit.pods} pods`)
    .slice(0, MAX_NAMED)
    .join(', ');
}

function because(state: WorstState, seen: Pick<Seen, 'states'>): string {
  const why = seen.states[state].reason?.text;
  return why === undefined ? '' : `: ${why}`;
}
